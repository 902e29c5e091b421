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

run_nginx_test() {
    nginx -t -q -e stderr -p "$folder/" -c nginx.conf < /dev/null
}

# Whether nginx takes what is on disk; `answer` is what it says. Only for an nginx that runs: it holds
# its ports, so it is no matter whether whoever asks here may bind them: certbot's hook asks as nginx's
# user (reload.sh), without the capability that systemd gave to nginx. Binding is the last thing that
# nginx -t does: by then it has read all files, certificate and key among them.
nginx_takes_it() {
    answer="$(run_nginx_test 2>&1)" && return
    emergencies="$(printf '%s\n' "$answer" | grep -F '[emerg]')" || return
    ! printf '%s\n' "$emergencies" | grep -qv 'bind() to .* failed (13: Permission denied)$'
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

# The names it is for, as words. Bounded: a certificate may have hundreds.
other_names() {
    names="$(x509 -ext subjectAltName | grep -e DNS: -e 'IP Address:' |
        sed 's/DNS://g; s/IP Address://g; s/^ *//' | cut -c 1-200)"
    printf '%s' "${names:-no name at all}"
}

# nginx itself sees this only if both are of one kind: it would load an RSA key beside an ECDSA
# certificate, and then fail every handshake.
is_key_of_another() {
    has_openssl && openssl pkcs12 -export -in "$certificate" -inkey "$key" -passin pass: -passout pass: \
        -out /dev/null 2>&1 < /dev/null | grep -q 'matches private key'
}

# Why a file is of no use, or nothing.
why_unusable() {
    if [ ! -e "$1" ]; then
        printf 'is missing, or user %s may not look there' "$(id -un 2> /dev/null || id -u)"
    elif [ ! -r "$1" ]; then
        printf 'may not be read by user %s' "$(id -un 2> /dev/null || id -u)"
    elif [ ! -s "$1" ]; then
        printf 'is empty'
    fi
}

# Sets `problem` to why the pair on disk must not take the place of the one that is served, or to
# nothing. Stricter than nginx: it would load an expired certificate, and one for another name.
find_problem() {
    problem=""
    for file in "$certificate" "$key"; do
        problem="$(why_unusable "$file")"
        if [ -n "$problem" ]; then
            problem="$file $problem"
            return
        fi
    done
    if ! nginx_takes_it; then
        # Without the time and process that start some of its lines: the same refusal reads the same.
        problem="nginx -t says: $(printf '%s\n' "$answer" | sed -n 's/.*\[emerg\] *\([0-9]*#[0-9]*: \)*//p' | head -n 1)"
    fi
    if is_key_of_another; then
        problem="the key does not belong to the certificate${problem:+; $problem}"
    elif [ -n "$problem" ]; then
        return
    elif has_ended; then
        problem="$certificate has ended ($(x509 -enddate))"
    elif is_for_another_name; then
        problem="$certificate is not for $name but for $(other_names)"
    fi
}

# Says what is wrong with a pair that is served nevertheless.
#
# A key that everybody may read is a warning, not a refusal: in a container with one user it is no
# worse than any other mode, it is what a Kubernetes volume has unless told otherwise, and a service
# whose renewals are refused ends up without a certificate.
warn_about_pair() {
    if is_for_another_name; then
        say error certificate_wrong_name "$certificate is not for $name but for $(other_names): clients refuse it"
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
    say_loaded serving
}

# say_loaded VERB
say_loaded() {
    say info certificate_loaded "$1 $certificate for $name, $(x509 -enddate || echo end unknown)"
    warn_about_pair
}
