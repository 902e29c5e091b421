#!/bin/sh
# Installs what the service needs from the system, if it is missing: nginx and Redis, or with
# `venv PYTHON` the part of Python that makes virtual environments. Debian and Ubuntu, as root or
# with sudo that asks for no password; elsewhere it says what to install.
#
# Only the programs are wanted: `make run` starts its own, on its own ports. So the system's services
# are neither started (policy-rc.d) nor enabled for the next boot.
set -eu

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"
packages=""
services=""

need() {
    if ! command -v "$1" > /dev/null 2>&1; then
        packages="$packages $2"
        services="$services $2"
    fi
}

if [ "${1:-}" = venv ]; then
    if "$2" -c 'import ensurepip, venv' 2> /dev/null; then
        exit 0
    fi
    packages="$("$2" -c 'import sys; print(" python%d.%d-venv" % sys.version_info[:2])')"
else
    need nginx nginx
    need redis-server redis-server
fi

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
if ! {
    $root apt-get update &&
        $root env DEBIAN_FRONTEND=noninteractive \
            apt-get install --yes --no-install-recommends $packages
} > "$log" 2>&1; then
    tail -n 5 "$log" >&2
    echo "apt-get could not install$packages; see above." >&2
    exit 1
fi
for service in $services; do
    if command -v systemctl > /dev/null 2>&1; then
        $root systemctl disable --quiet "$service" > /dev/null 2>&1 || true
    fi
    $root update-rc.d "$service" disable > /dev/null 2>&1 || true
done
