#!/bin/sh
# Installs what is needed from the system, if it is missing. Debian and Ubuntu, as root or with sudo
# that asks for no password; elsewhere it says what to install.
#
#   system-packages.sh               nginx and Redis, to run the service
#   system-packages.sh unit          those, and PostgreSQL, for the tests of the application
#   system-packages.sh tests         those, and what the other tests need beside them: a browser, an
#                                    ACME client (certbot) and an authority for it (pebble)
#   system-packages.sh scan          testssl.sh, for `make scan`
#   system-packages.sh venv PYTHON   the part of Python that makes virtual environments
#
# Only the programs are wanted: `make run` starts its own, on its own ports. So the system's services
# are neither started (policy-rc.d) nor enabled for the next boot.
set -eu

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
for folder in /usr/lib/postgresql/*/bin; do # Debian's place for the servers of all versions
    PATH="$PATH:$folder"
done
packages=""
services=""

# need PACKAGE PROGRAM...: any of the programs will do.
need() {
    package="$1"
    shift
    for program in "$@"; do
        if command -v "$program" > /dev/null 2>&1; then
            return
        fi
    done
    packages="$packages $package"
}

need_to_run() {
    need nginx nginx
    need redis-server redis-server
    services="nginx redis-server"
}

need_for_units() {
    need_to_run
    need postgresql postgres
    services="$services postgresql"
}

case "${1:-}" in
    '')
        need_to_run
        ;;
    unit)
        need_for_units
        ;;
    tests)
        need_for_units
        need chromium chromium chromium-browser google-chrome google-chrome-stable
        need certbot certbot
        need pebble pebble
        services="$services certbot.timer"
        ;;
    scan)
        need testssl.sh testssl
        ;;
    venv)
        if "$2" -c 'import ensurepip, venv' 2> /dev/null; then
            exit 0
        fi
        packages="$("$2" -c 'import sys; print(" python%d.%d-venv" % sys.version_info[:2])')"
        ;;
    *)
        echo "usage: sh dev/system-packages.sh [unit | tests | scan | venv PYTHON]" >&2
        exit 2
        ;;
esac

if [ -z "$packages" ]; then
    exit 0
fi
if ! command -v apt-get > /dev/null 2>&1; then
    echo "Missing:$packages. Install it with your system's package manager, then try again." >&2
    exit 1
fi
if [ "$(id -u)" -eq 0 ]; then
    root=""
elif command -v sudo > /dev/null 2>&1 && sudo -n true 2> /dev/null; then
    root="sudo -n"
else
    echo "Missing:$packages. Run  sudo apt-get install --no-install-recommends$packages  and try again." >&2
    exit 1
fi

guard=/usr/sbin/policy-rc.d
log="$(mktemp)"
made_guard=""
finish() {
    if [ -n "$made_guard" ]; then
        $root rm -f "$guard"
    fi
    rm -f "$log"
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

echo "Installing$packages ..."
if [ ! -e "$guard" ]; then
    made_guard=yes
    printf '#!/bin/sh\nexit 101\n' | $root tee "$guard" > /dev/null
    $root chmod 755 "$guard"
fi
if ! $root apt-get update > "$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "apt-get could not install$packages; see above." >&2
    exit 1
fi
absent=""
for package in $packages; do
    if ! apt-cache show "$package" > /dev/null 2>&1; then
        absent="$absent $package"
    fi
done
if [ -n "$absent" ]; then
    case "$absent " in
        *" chromium "*) hint=" (for chromium, google-chrome-stable will do: Ubuntu has chromium only as a snap)" ;;
        *) hint="" ;;
    esac
    echo "This system has no package$absent. Put the program on PATH in another way$hint, then try again." >&2
    exit 1
fi
# shellcheck disable=SC2086 # one word a package
if ! $root env DEBIAN_FRONTEND=noninteractive \
    apt-get install --yes --no-install-recommends $packages > "$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "apt-get could not install$packages; see above." >&2
    exit 1
fi
for service in $services; do
    case "$packages " in
        *" ${service%.timer} "*) ;;
        *) continue ;; # it was here before: whether it starts is not ours to say
    esac
    if command -v systemctl > /dev/null 2>&1; then
        $root systemctl disable --quiet "$service" > /dev/null 2>&1 || true
    fi
    $root update-rc.d "$service" disable > /dev/null 2>&1 || true
done
