#!/bin/sh
# Runs the edge in the foreground: sh edge/run.sh FOLDER, with EDGE_* in the environment.
#
# Renders the configuration into FOLDER (edge/render.sh), tests it, and becomes nginx, so that
# signals, systemd and a container's stop reach it. FOLDER is all that is written to; any user will
# do who may listen on the ports and read the certificate.
#
# Beside nginx runs a small watch: when certificate or key change, and the new pair is good, nginx
# reads them, without a restart. A bad pair is not loaded and is said once; it is loaded when it has
# become good.
#
#   EDGE_CERTIFICATE_CHECK      seconds between two looks. 60: a renewal has weeks to arrive, and
#                               Kubernetes itself needs about a minute to bring it
#   EDGE_CERTIFICATE_WARN_DAYS  days before its end from which on a certificate is warned of, daily.
#                               14: clients of ACME renew 30 days before; two weeks of failures
#                               are no accident
#
# render.sh checks these two like any other EDGE_* variable.
set -eu

here="$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)"
every="${EDGE_CERTIFICATE_CHECK:-60}"
warn_days="${EDGE_CERTIFICATE_WARN_DAYS:-14}"

# Once a day, and at once after a load: is the served certificate about to end? It is kept in
# `leaf`: what is on disk may be another one by now, which was refused.
remind() {
    today="$(date -u +%Y-%m-%d)"
    if [ "$today" = "$reminded" ] || [ -z "$leaf" ]; then
        return
    fi
    reminded="$today"
    end="$(printf '%s\n' "$leaf" | openssl x509 -noout -enddate 2> /dev/null)"
    if ! printf '%s\n' "$leaf" | openssl x509 -noout -checkend 0 > /dev/null 2>&1; then
        say error certificate_ended "the served certificate has ended ($end): clients refuse it; renew it now"
    elif ! printf '%s\n' "$leaf" | openssl x509 -noout -checkend "$((warn_days * 86400))" > /dev/null 2>&1; then
        say warning certificate_ends "the served certificate is about to end ($end) and was not renewed: see docs/certificates.md"
    fi
}

note_leaf() {
    served="$1"
    reminded=""
    leaf=""
    if has_openssl; then
        leaf="$(openssl x509 -in "$certificate" 2> /dev/null)"
    fi
}

look() {
    now="$(fingerprint)"
    known="$(cat "$loaded" 2> /dev/null)"
    if [ "$now" = "$known" ]; then
        refused=""
        if [ "$now" != "$served" ]; then
            note_leaf "$now" # reload.sh was faster
        fi
        return
    fi
    sleep 1 # whoever writes two files has a moment for the second
    if [ "$(fingerprint)" != "$now" ]; then
        return
    fi
    find_problem
    if [ -n "$problem" ]; then
        if [ "$now $problem" != "$refused" ]; then
            refused="$now $problem"
            say error certificate_refused "the new certificate is not loaded, the old one stays: $problem"
        fi
    elif [ "$(fingerprint)" = "$now" ] && load "$now"; then
        refused=""
        note_leaf "$now"
    fi
}

# Reads a pipe that nginx holds open and never writes to: it ends with the last of its processes.
watch() {
    set +e
    trap '' HUP
    refused=""
    note_leaf "$1"
    remind
    while true; do
        timeout "$every" cat > /dev/null 2>&1
        case $? in
            0) return ;;
            124 | 143) ;;      # nothing happened: so says GNU's timeout, and so busybox's
            *) sleep "$every" ;; # somebody ended cat
        esac
        if ! kill -0 "$$" 2> /dev/null; then
            return
        fi
        look
        remind
    done
}

# Ends it with a line for each file that is not there: nginx would name the first one only.
find_missing() {
    problem=""
    for file in "$certificate" "$key"; do
        variable=EDGE_CERTIFICATE
        [ "$file" = "$certificate" ] || variable=EDGE_CERTIFICATE_KEY
        why="$(why_unusable "$file")"
        if [ -n "$why" ]; then
            problem="$why"
            echo "$variable: $file $why; docs/certificates.md says how to get one" >&2
        fi
    done
    if [ -n "$problem" ]; then
        exit 1
    fi
}

if [ $# -ne 1 ]; then
    echo "usage: sh edge/run.sh FOLDER, with EDGE_* in the environment" >&2
    exit 2
fi
folder="$1"
# shellcheck source=edge/certificate.sh
. "$here/certificate.sh"
if other="$(master_pid)" && [ "$other" != "$$" ]; then
    echo "an nginx (process $other) already runs in $folder: stop it, or use sh edge/reload.sh" >&2
    exit 1
fi
sh "$here/render.sh" "$folder"
folder="$(CDPATH='' cd -- "$folder" && pwd)"
read_configuration
find_missing
before="$(fingerprint)"
if is_key_of_another; then
    echo "EDGE_CERTIFICATE_KEY: $key does not belong to $certificate" >&2
    exit 1
fi
run_nginx_test
(umask 077 && printf '%s\n' "$before" > "$loaded")
say_loaded "starting with"
if ! has_openssl; then
    say warning certificate_unwatched "openssl is not installed: nobody here says when the certificate is about to end"
fi

# The watch must not signal this process before it is an nginx that listens to signals: nginx writes
# its number once it is. One of before is in the way.
rm -f "$folder/nginx.pid" "$folder/nginx.alive"
mkfifo -m 600 "$folder/nginx.alive"
watch "$before" < "$folder/nginx.alive" &
exec 9> "$folder/nginx.alive"
rm -f "$folder/nginx.alive"
exec nginx -e stderr -p "$folder/" -c nginx.conf -g 'daemon off;'
