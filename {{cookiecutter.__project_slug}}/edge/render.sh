#!/bin/sh
# Writes the configuration of one installation: sh edge/render.sh FOLDER.
#
# What differs between installations is said in the environment, as EDGE_*; render/values.awk has
# all of them with their defaults. Every value is checked before anything is written: all that is
# wrong is said at once, one line each, and FOLDER stays as it was.
#
# This is also the one place that knows which nginx this is: HTTP/2 is said in another way since
# 1.25.1, HTTP/3 needs a build that has it, X25519MLKEM768 an OpenSSL of 3.5 or later. So render
# where nginx will run.
#
# In FOLDER only nginx.conf, conf.d, snippets and choices are replaced, and temp and the folder of
# EDGE_ACME_FOLDER made if they are missing. Then: nginx -p FOLDER/ -c nginx.conf -e stderr -g 'daemon off;'
set -eu
LC_ALL=C
export LC_ALL
umask 022

RENDERED='nginx.conf conf.d snippets choices'

say() { printf '%s\n' "$*" >&2; }

if [ $# -ne 1 ] || [ -z "$1" ]; then
    say 'usage: sh edge/render.sh FOLDER, with EDGE_* in the environment'
    exit 2
fi
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd -P)
case $1 in
/*) folder=$1 ;;
*) folder=$PWD/$1 ;;
esac
case $folder in
*\$*)
    say "FOLDER has a \$ in its path, where nginx would see a variable: $folder"
    exit 2
    ;;
esac
if [ -d "$folder" ] && [ "$(CDPATH='' cd -- "$folder" && pwd -P)" = "$here" ]; then
    say 'FOLDER is the folder of the templates; say another one'
    exit 2
fi

# Not on everyone's PATH.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
if ! RENDER_NGINX=$(nginx -V 2>&1); then
    say "nginx: not there, or it does not say its version; render where it will run"
    exit 1
fi

choices_of() {
    for file in "$here/choices/$1"/*.conf; do
        basename "$file" .conf
    done | tr '\n' ' '
}
RENDER_TLS=$(choices_of tls)
RENDER_HSTS=$(choices_of hsts)
export RENDER_NGINX RENDER_TLS RENDER_HSTS

RENDER_VALUES=$(awk -f "$here/render/values.awk" -f "$here/render/shapes.awk" </dev/null) || exit 1
export RENDER_VALUES

# Beside what it replaces, so that the last step only renames.
made=
[ -d "$folder" ] || made=$folder
mkdir -p -- "$folder"
new=$(mktemp -d "$folder/.render.XXXXXX")
trap 'rm -rf -- "$new"' EXIT
trap 'exit 1' HUP INT TERM

(cd -- "$here" && find nginx.conf conf.d snippets choices -name '*.conf' -type f) >"$new/.list"
while IFS= read -r file; do
    mkdir -p -- "$new/$(dirname -- "$file")"
    if ! awk -f "$here/render/fill.awk" "$here/$file" >"$new/$file"; then
        say "$file: not rendered; $folder is as it was"
        [ -z "$made" ] || rm -rf -- "$made"
        exit 1
    fi
done <"$new/.list"

acme=$(printf '%s\n' "$RENDER_VALUES" | sed -n 's/^EDGE_ACME_FOLDER=//p')
(cd -- "$folder" && mkdir -p -- temp "$acme")
for name in $RENDERED; do
    rm -rf -- "${folder:?}/$name"
    mv -- "$new/$name" "$folder/$name"
done
