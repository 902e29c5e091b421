# What a value may look like. awk's regular expressions end where the text ends, not at a line's
# end: a value with a newline in it has none of these shapes.

function is_name(text,    labels, count, i) {
    count = split(text, labels, ".")
    if (count == 0 || length(text) > 253 || labels[count] ~ /^[0-9]+$/) return 0
    for (i = 1; i <= count; i++)
        if (labels[i] !~ /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/ || length(labels[i]) > 63) return 0
    return 1
}

function is_whole(text, highest) {
    return text ~ /^[1-9][0-9]*$/ && length(text) <= 5 && text + 0 <= highest
}

function is_port(text) { return is_whole(text, 65535) }

function is_path(text) {
    return text ~ /^\/?[A-Za-z0-9._-]+(\/[A-Za-z0-9._-]+)*$/ && ("/" text "/") !~ /\/\.\.\//
}

function is_address(text,    parts, i) {
    if (split(text, parts, ".") != 4) return 0
    for (i = 1; i <= 4; i++)
        if (parts[i] !~ /^(0|[1-9][0-9]?[0-9]?)$/ || parts[i] + 0 > 255) return 0
    return 1
}

function is_bracketed(text) {
    return text ~ /^\[.*\]$/ && is_address6(substr(text, 2, length(text) - 2))
}

function is_host(text) { return is_name(text) || is_address(text) || is_bracketed(text) }

function is_address6(text,    groups, count, filled, i, gaps) {
    if (text !~ /^[0-9a-f:]+$/ || text ~ /:::/ || text ~ /^:[^:]/ || text ~ /[^:]:$/) return 0
    count = split(text, groups, ":")
    for (i = 1; i <= count; i++) {
        if (length(groups[i]) > 4) return 0
        if (groups[i] != "") filled++
    }
    gaps = gsub(/::/, "", text)
    return gaps == 1 ? filled <= 7 : gaps == 0 && filled == 8
}

function is_network(text,    bits, address) {
    address = text
    bits = ""
    if (match(text, /\/(0|[1-9][0-9]*)$/)) {
        bits = substr(text, RSTART + 1)
        address = substr(text, 1, RSTART - 1)
    }
    if (is_address(address)) return bits == "" || bits + 0 <= 32
    return is_address6(address) && (bits == "" || bits + 0 <= 128)
}

# ::/n is nobody's network either: it holds IPv4 in other clothes.
function is_broad(text,    bits) {
    if (text ~ /^0\./ || text == "::") return 1
    if (!match(text, /\/[0-9]+$/)) return 0
    bits = substr(text, RSTART + 1)
    return text ~ /:/ ? bits + 0 < 16 || (text ~ /^::/ && bits + 0 < 128) : bits + 0 < 8
}

function is_origin(text,    host) {
    if (text !~ /^https:\/\//) return 0
    host = substr(text, 9)
    if (match(host, /:[0-9]+$/) && host !~ /^\[[^]]*$/) {
        if (!is_port(substr(host, RSTART + 1))) return 0
        host = substr(host, 1, RSTART - 1)
    }
    return is_host(host)
}

# How many letters have to be changed, left out, put in, or swapped with the next (Damerau).
function distance(one, other,    far, i, j, best) {
    for (i = 0; i <= length(one); i++) far[i, 0] = i
    for (j = 0; j <= length(other); j++) far[0, j] = j
    for (i = 1; i <= length(one); i++)
        for (j = 1; j <= length(other); j++) {
            best = far[i - 1, j - 1] + (substr(one, i, 1) != substr(other, j, 1))
            if (far[i - 1, j] + 1 < best) best = far[i - 1, j] + 1
            if (far[i, j - 1] + 1 < best) best = far[i, j - 1] + 1
            if (i > 1 && j > 1 && substr(one, i - 1, 2) == swapped(substr(other, j - 1, 2)) \
                && far[i - 2, j - 2] + 1 < best) best = far[i - 2, j - 2] + 1
            far[i, j] = best
        }
    return far[length(one), length(other)]
}

function swapped(two) { return substr(two, 2) substr(two, 1, 1) }
