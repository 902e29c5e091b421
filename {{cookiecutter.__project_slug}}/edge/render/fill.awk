# Fills one template in: ${NAME} becomes the value of that name (RENDER_VALUES, from values.awk).
#
#   ${NAME}     a list is written once for each of its values, on a line each; a line whose value
#               is empty, or whose list has none, is left out
#   ${NAME:-}   may be empty; then the space before it goes too
#
# Lines that are comments stay as they are; so do nginx's own $variables, which have no such braces.

BEGIN {
    count = split(ENVIRON["RENDER_VALUES"], lines, "\n")
    for (i = 1; i <= count; i++) {
        split_at = index(lines[i], "=")
        value[substr(lines[i], 1, split_at - 1)] = substr(lines[i], split_at + 1)
    }
    count = split("EDGE_LISTEN EDGE_BALANCERS EDGE_ALLOWED_ORIGINS", names, " ")
    for (i = 1; i <= count; i++) is_list[names[i]] = 1
}

/^[ \t]*#/ { print; next }
{ write($0) }

function write(line,    token, name, optional, each, count, i) {
    if (!match(line, /\$\{(EDGE|AUTO)_[A-Z0-9_]+(:-)?\}/)) {
        print line
        return
    }
    token = substr(line, RSTART, RLENGTH)
    name = token
    optional = sub(/:-/, "", name)
    name = substr(name, 3, length(name) - 3)
    if (!(name in value)) {
        print name ": the template has it, values.awk does not" | "cat >&2"
        close("cat >&2")
        exit 1
    }
    if (name in is_list) {
        count = split(value[name], each, " ")
        for (i = 1; i <= count; i++) write(replaced(line, token, each[i]))
    } else if (value[name] == "" && optional) {
        write(replaced(line, " " token, ""))
    } else if (value[name] != "") {
        write(replaced(line, token, value[name]))
    }
}

# Not sub(): its replacement gives "&" a meaning.
function replaced(line, token, text,    before, at) {
    before = ""
    while (at = index(line, token)) {
        before = before substr(line, 1, at - 1) text
        line = substr(line, at + length(token))
    }
    return before line
}
