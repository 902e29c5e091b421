#!/bin/sh
# Makes a running edge read its configuration and certificate again: sh edge/reload.sh FOLDER, with
# the folder that run.sh was given. Nothing restarts, no connection is dropped.
#
# What is bad is not loaded: it says why, exits 1, and what was served goes on being served.
#
# It is also certbot's deploy hook. certbot says where the new pair is (RENEWED_LINEAGE), in a folder
# that only root may enter; it is put where nginx reads it, with the mode that the old one has there.
# If it turns out to be bad, the old pair is put back.
set -euf # nor is a * in a certificate's name a pattern

if [ $# -ne 1 ] || [ ! -f "$1/nginx.conf" ]; then
    echo "usage: sh edge/reload.sh FOLDER, the folder that edge/run.sh was given" >&2
    exit 2
fi
here="$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)"
folder="$(CDPATH='' cd -- "$1" && pwd)"
umask 077

# Root does nothing itself in a folder that is somebody else's. Through links, and through the names
# of files in the configuration, that user could have root write, read or give away any file: a bug in
# nginx would be worth the machine. So that user does it all; the new pair goes along, opened.
if [ -n "${RENEWED_LINEAGE:-}" ] && [ -z "${RENEWED_PAIR_IS_OPEN:-}" ]; then
    exec 3< "$RENEWED_LINEAGE/fullchain.pem" 4< "$RENEWED_LINEAGE/privkey.pem"
fi
owner="$(stat -c %U "$folder")"
if [ "$(id -u)" -eq 0 ] && [ "$owner" != root ]; then
    export RENEWED_PAIR_IS_OPEN=yes
    # shellcheck disable=SC2016 # the shell that su starts fills them in
    exec su -s /bin/sh "$owner" -c 'exec sh "$1" "$2"' sh "$here/reload.sh" "$folder" < /dev/null
fi

# shellcheck source=edge/certificate.sh
. "$here/certificate.sh"
read_configuration

# A hook for all of certbot's certificates hears of those of other services too.
is_ours() {
    for domain in ${RENEWED_DOMAINS:-}; do
        if [ "$domain" = "$name" ] || [ "$domain" = "*.${name#*.}" ]; then
            return 0
        fi
    done
    return 1
}

# prepare SOURCE TARGET: a copy beside the target, with the target's mode.
prepare() {
    cp "$1" "$2.new" 2> /dev/null && { [ ! -e "$2" ] || chmod "$(stat -L -c %a "$2")" "$2.new"; }
}

# put_pair CERTIFICATE KEY: nothing changes before both are whole on this disk.
put_pair() {
    if ! prepare "$2" "$key" || ! prepare "$1" "$certificate"; then
        say error certificate_refused "user $(id -un) may not write beside $key and $certificate: make the folder theirs"
        exit 1
    fi
    mv -f "$key.new" "$key"
    mv -f "$certificate.new" "$certificate"
}

new="" kept=""
cleanup() {
    for pair in "$new" "$kept"; do
        if [ -n "$pair" ]; then
            rm -rf "$pair"
        fi
    done
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

if [ -n "${RENEWED_LINEAGE:-}" ]; then
    if ! is_ours; then
        exit 0
    fi
    new="$(mktemp -d "$folder/new.XXXXXX")"
    cat <&3 > "$new/certificate"
    cat <&4 > "$new/key"
    if ! cmp -s "$new/certificate" "$certificate" || ! cmp -s "$new/key" "$key"; then
        if [ -e "$certificate" ] && [ -e "$key" ]; then
            kept="$(mktemp -d "$folder/kept.XXXXXX")"
            cp "$certificate" "$kept/certificate"
            cp "$key" "$kept/key"
        fi
        put_pair "$new/certificate" "$new/key"
    fi
fi

now="$(fingerprint)"
find_problem
if [ -n "$problem" ]; then
    say error certificate_refused "nothing is loaded, what was served stays: $problem"
    if [ -n "$kept" ]; then
        put_pair "$kept/certificate" "$kept/key"
        if ! nginx_takes_it; then
            # It is refused with the old pair too, so the new one is not to blame. certbot calls only
            # once for it: it stays, and run.sh loads it when the rest is mended.
            put_pair "$new/certificate" "$new/key"
        fi
    fi
    exit 1
fi
if ! load "$now"; then
    say error certificate_refused "no nginx that this user may signal runs in $folder: start it with edge/run.sh"
    exit 1
fi
