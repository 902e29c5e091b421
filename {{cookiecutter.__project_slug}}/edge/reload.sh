#!/bin/sh
# Makes a running edge read its configuration and certificate again: sh edge/reload.sh FOLDER, with
# the folder that run.sh was given. Nothing restarts, no connection is dropped.
#
# What is bad is not loaded: it says why, exits 1, and what was served goes on being served.
#
# It is also certbot's deploy hook. certbot says where the new pair is (RENEWED_LINEAGE), in a folder
# that only root may enter; it is put where nginx reads it, with the owner and mode that the old key
# has there. If it turns out to be bad, the old pair is put back.
set -eu

if [ $# -ne 1 ] || [ ! -f "$1/nginx.conf" ]; then
    echo "usage: sh edge/reload.sh FOLDER, the folder that edge/run.sh was given" >&2
    exit 2
fi
here="$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)"
folder="$(CDPATH='' cd -- "$1" && pwd)"
# shellcheck source=edge/certificate.sh
. "$here/certificate.sh"
read_configuration
umask 077

# A hook for all of certbot's certificates hears of those of other services too.
is_ours() {
    for domain in ${RENEWED_DOMAINS:-}; do
        if [ "$domain" = "$name" ] || [ "$domain" = "*.${name#*.}" ]; then
            return 0
        fi
    done
    return 1
}

# prepare SOURCE TARGET: a copy beside the target, with the target's owner and mode.
prepare() {
    cp "$1" "$2.new"
    if [ -e "$2" ]; then
        chmod "$(stat -L -c %a "$2")" "$2.new"
        if [ "$(id -u)" -eq 0 ]; then
            chown "$(stat -L -c %u:%g "$2")" "$2.new"
        fi
    fi
}

# put_pair CERTIFICATE KEY: nothing changes before both are whole on this disk.
put_pair() {
    prepare "$2" "$key"
    prepare "$1" "$certificate"
    mv -f "$key.new" "$key"
    mv -f "$certificate.new" "$certificate"
}

kept=""
cleanup() {
    if [ -n "$kept" ]; then
        rm -rf "$kept"
    fi
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

if [ -n "${RENEWED_LINEAGE:-}" ]; then
    if ! is_ours; then
        exit 0
    fi
    new_certificate="$RENEWED_LINEAGE/fullchain.pem"
    new_key="$RENEWED_LINEAGE/privkey.pem"
    if ! cmp -s "$new_certificate" "$certificate" || ! cmp -s "$new_key" "$key"; then
        if [ -e "$certificate" ] && [ -e "$key" ]; then
            kept="$(mktemp -d "$folder/kept.XXXXXX")"
            cp "$certificate" "$kept/certificate"
            cp "$key" "$kept/key"
        fi
        put_pair "$new_certificate" "$new_key"
    fi
fi

now="$(fingerprint)"
find_problem
if [ -n "$problem" ]; then
    say error certificate_refused "nothing is loaded, what was served stays: $problem"
    if [ -n "$kept" ]; then
        put_pair "$kept/certificate" "$kept/key"
        if ! run_nginx_test 2> /dev/null; then
            # It is refused with the old pair too, so the new one is not to blame. certbot calls only
            # once for it: it stays, and run.sh loads it when the rest is mended.
            put_pair "$new_certificate" "$new_key"
        fi
    fi
    exit 1
fi
if ! load "$now"; then
    say error certificate_refused "no nginx that this user may signal runs in $folder: start it with edge/run.sh"
    exit 1
fi
