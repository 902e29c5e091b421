# shellcheck shell=sh disable=SC2034,SC2154
# What run.sh and reload.sh both know about the certificate. Read with `.`, after `folder` is set to
# the rendered configuration; that, not the environment, says which files nginx reads.
#
# openssl is asked for what nginx does not look at: the end and the name. Without it those two go
# unwatched, and run.sh says so when it starts.

PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin"

# say LEVEL EVENT WORDS: one JSON object on stderr, named like the fields of the other logs.
say() {
    words="$(printf '%s' "$3" | LC_ALL=C tr -s '\000-\037' ' ' | LC_ALL=C tr -cd '\040-\176' |
        cut -c 1-1500 | sed 's/[\\"]/\\&/g')"
    printf '{"@timestamp":"%s","log.level":"%s","event.action":"%s","service.name":"edge","message":"%s"}\n' \
        "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$1" "$2" "$words" >&2
}

# configured DIRECTIVE: its first value in the rendered configuration, without quotes.
configured() {
    find "$folder/" -name '*.conf' -exec sed -n \
        "s/^[[:space:]]*$1[[:space:]]\{1,\}\"\{0,1\}\([^\";]*\)\"\{0,1\};.*/\1/p" {} + |
        grep -v '^_$' | head -n 1
}

# in_folder PATH: where nginx looks for it.
in_folder() {
    case "$1" in
        /*) printf '%s' "$1" ;;
        *) printf '%s/%s' "$folder" "$1" ;;
    esac
}

read_configuration() {
    certificate="$(in_folder "$(configured ssl_certificate)")"
    key="$(in_folder "$(configured ssl_certificate_key)")"
    name="$(configured server_name)"
    loaded="$folder/certificate.loaded"
}

# The pair as it is on disk, as one word. By content: a swapped link or a restored backup may bring
# a file whose time is older.
fingerprint() {
    {
        cat "$certificate" || echo "no certificate"
        echo
        cat "$key" || echo "no key"
    } 2> /dev/null | sha256sum | cut -d ' ' -f 1
}

# As the user nginx runs as, who owns what run.sh rendered. Root would read keys that nginx can not,
# load whatever that user wrote into the configuration, and take its temporary folders from it.
run_nginx_test() {
    owner="$(stat -c %U "$folder/nginx.conf")"
    if [ "$(id -u)" -eq 0 ] && [ "$owner" != root ]; then
        # shellcheck disable=SC2016 # the shell that su starts fills them in
        su -s /bin/sh "$owner" -c '"$1" -t -q -e stderr -p "$2/" -c nginx.conf' sh \
            "$(command -v nginx)" "$folder" < /dev/null
    else
        nginx -t -q -e stderr -p "$folder/" -c nginx.conf < /dev/null
    fi
}

has_openssl() {
    command -v openssl > /dev/null 2>&1
}

# x509 OPTION...: openssl's answer about the first certificate of the file.
x509() {
    openssl x509 -in "$certificate" -noout "$@" 2> /dev/null < /dev/null
}

has_ended() {
    has_openssl && x509 > /dev/null && ! x509 -checkend 0 > /dev/null
}

is_for_another_name() {
    has_openssl && x509 -checkhost "$name" | grep -q 'does NOT match'
}

# Sets `problem` to why the pair on disk must not take the place of the one that is served, or to
# nothing. Stricter than nginx: it would load an expired certificate, and one for another name.
find_problem() {
    problem=""
    for file in "$certificate" "$key"; do
        if [ ! -r "$file" ] || [ ! -s "$file" ]; then
            problem="$file is missing, empty or not readable"
            return
        fi
    done
    if ! answer="$(run_nginx_test 2>&1)"; then
        # Without the time and process that start some of its lines: the same refusal reads the same.
        problem="nginx -t says: $(printf '%s\n' "$answer" | sed -n 's/.*\[emerg\] *\([0-9]*#[0-9]*: \)*//p' | head -n 1)"
    elif has_ended; then
        problem="$certificate has ended ($(x509 -enddate))"
    elif is_for_another_name; then
        problem="$certificate is not for $name"
    fi
}

# Says what is wrong with a pair that is served nevertheless.
#
# A key that everybody may read is a warning, not a refusal: in a container with one user it is no
# worse than any other mode, it is what a Kubernetes volume has unless told otherwise, and a service
# whose renewals are refused ends up without a certificate.
warn_about_pair() {
    if is_for_another_name; then
        say error certificate_wrong_name "$certificate is not for $name: clients refuse it"
    fi
    if [ -n "$(find -L "$key" -prune -perm -004 2> /dev/null)" ]; then
        say warning certificate_key_exposed "$key can be read by everybody on this machine: chmod 600 (Kubernetes: defaultMode 0440 and an fsGroup); if anybody else was there, replace the key"
    fi
}

# master_pid: the process id of the nginx that serves this folder, or nothing. A stale file may name
# a process that has nothing to do with nginx, and a signal would end it.
master_pid() {
    pid="$(cat "$folder/nginx.pid" 2> /dev/null)"
    case "$pid" in
        '' | *[!0-9]*) return 1 ;;
    esac
    kill -0 "$pid" 2> /dev/null || return 1
    if [ -r "/proc/$pid/cmdline" ]; then
        case "$(tr '\000' ' ' < "/proc/$pid/cmdline")" in
            "nginx: master process "* | *"nginx -e stderr -p "*) ;; # as it calls itself, or not yet
            *) return 1 ;;
        esac
    fi
    printf '%s' "$pid"
}

# load FINGERPRINT: make nginx read its configuration and certificate again. Its workers of before
# end when their last request is answered.
load() {
    master="$(master_pid)" && kill -HUP "$master" && printf '%s\n' "$1" > "$loaded" || return 1
    say info certificate_loaded "serving $certificate for $name, $(x509 -enddate || echo end unknown)"
    warn_about_pair
}
