# Checks every EDGE_* variable and prints all that a template may hold, as NAME=value.
#
# A value stands in nginx's configuration as it is, so each has a strict shape: what could end a
# directive or a string, or start one of nginx's variables, is in none of them (shapes.awk). An
# empty variable counts as one that is not there. AUTO_* follow from the others and from nginx's build.

BEGIN {
    server_name()
    ports()
    authority()
    addresses()
    upstream()
    paths()
    user()
    watch()
    choice("EDGE_TLS", "modern", ENVIRON["RENDER_TLS"])
    choice("EDGE_HSTS", "standard", ENVIRON["RENDER_HSTS"])
    choice("EDGE_HTTP3", "auto", "auto off")
    balancers()
    origins()
    unknown_names()
    build()
    if (problems) exit 1
    for (name in value) print name "=" value[name]
}

# The values, one concern a function

function server_name(    name) {
    name = read("EDGE_SERVER_NAME", "")
    if (name == "") problem("EDGE_SERVER_NAME", "is missing: say the one name that is served")
    else if (!is_name(name))
        problem("EDGE_SERVER_NAME", said(name) " is no host name in lower case, like api.example.com")
}

function ports() {
    if (!is_port(read("EDGE_HTTP_PORT", "80"))) bad_port("EDGE_HTTP_PORT")
    if (!is_port(read("EDGE_HTTPS_PORT", "443"))) bad_port("EDGE_HTTPS_PORT")
    if (value["EDGE_HTTP_PORT"] == value["EDGE_HTTPS_PORT"])
        problem("EDGE_HTTP_PORT", "is EDGE_HTTPS_PORT too; say two different ports")
}

function bad_port(name) { problem(name, said(value[name]) " is no port; say 1 to 65535") }

function authority(    text, port, name) {
    name = value["EDGE_SERVER_NAME"]
    port = value["EDGE_HTTPS_PORT"]
    text = read("EDGE_AUTHORITY", name (port == 443 ? "" : ":" port))
    if (ENVIRON["EDGE_AUTHORITY"] != "") {
        port = match(text, /:[0-9]+$/) ? substr(text, RSTART + 1) : 443
        if ((text != name && text != name ":" port) || !is_name(name) || !is_port(port))
            problem("EDGE_AUTHORITY", said(text) " is not EDGE_SERVER_NAME with or without a port")
    }
    sub(/:443$/, "", value["EDGE_AUTHORITY"])  # the default is not said (RFC 9110 §4.2.3)
    value["AUTO_PUBLIC_PORT"] = port
}

function addresses(    each, count, i, seen) {
    count = read_list("EDGE_LISTEN", "0.0.0.0", each)
    if (count == 0) problem("EDGE_LISTEN", "names no address; say some like 0.0.0.0 [::]")
    for (i = 1; i <= count; i++) {
        if (is_address6(each[i])) bare("EDGE_LISTEN", each[i], "[" each[i] "]")
        else if (!is_address(each[i]) && !is_bracketed(each[i]))
            problem("EDGE_LISTEN", said(each[i]) " is no address; say some like 0.0.0.0 [::]")
        if (each[i] in seen) problem("EDGE_LISTEN", said(each[i]) " is there twice")
        seen[each[i]] = 1
    }
}

function upstream(    text, host) {
    text = read("EDGE_UPSTREAM", "")
    if (text == "")
        problem("EDGE_UPSTREAM", "is missing: say where the application listens, " \
            "127.0.0.1:8000 or unix:/path")
    else if (text ~ /^unix:\//) {
        if (!is_path(substr(text, 6)) || length(text) - 5 > 107)  # sun_path, unix(7)
            problem("EDGE_UPSTREAM", said(text) " is no socket; say unix: and an absolute path " \
                "of up to 107 characters")
    } else {
        host = match(text, /:[0-9]+$/) ? substr(text, 1, RSTART - 1) : ""
        if (is_address6(host)) bare("EDGE_UPSTREAM", text, "[" host "]" substr(text, RSTART))
        else if (!is_host(host) || !is_port(substr(text, length(host) + 2)))
            problem("EDGE_UPSTREAM", said(text) " is neither address:port nor unix:/path")
    }
}

function bare(name, text, meant) {
    problem(name, said(text) " is not clear; write IPv6 addresses in brackets: " meant)
}

function paths(    defaults, name) {
    defaults["EDGE_CERTIFICATE"] = "tls/certificate.pem"
    defaults["EDGE_CERTIFICATE_KEY"] = "tls/key.pem"
    defaults["EDGE_ACCESS_LOG"] = "/dev/stdout"
    defaults["EDGE_ERROR_LOG"] = "stderr"
    defaults["EDGE_ACME_FOLDER"] = "acme"
    for (name in defaults)
        if (!is_path(read(name, defaults[name])))
            problem(name, said(value[name]) " is no path; letters, digits and . _ - / only, no ..")
    if (value["EDGE_ACCESS_LOG"] == "off")
        problem("EDGE_ACCESS_LOG", "may not be off: nobody would see an attack")
}

function user() {
    if (read("EDGE_USER", "") !~ /^([a-z_][a-z0-9_-]*)?$/)
        problem("EDGE_USER", said(value["EDGE_USER"]) " is no user; say one like www-data")
}

# No template has these two: run.sh reads them itself, and has their defaults; 1 stands
# for whatever those are.
function watch() {
    if (!is_whole(read("EDGE_CERTIFICATE_CHECK", 1), 86400))
        problem("EDGE_CERTIFICATE_CHECK", said(value["EDGE_CERTIFICATE_CHECK"]) \
            " is no number of seconds; say 1 to 86400")
    if (!is_whole(read("EDGE_CERTIFICATE_WARN_DAYS", 1), 365))
        problem("EDGE_CERTIFICATE_WARN_DAYS", said(value["EDGE_CERTIFICATE_WARN_DAYS"]) \
            " is no number of days; say 1 to 365")
}

function choice(name, preset, choices) {
    gsub(/^ +| +$/, "", choices)
    if (index(" " choices " ", " " read(name, preset) " ") && value[name] !~ / /) return
    gsub(/ +/, " or ", choices)
    problem(name, said(value[name]) " is no choice; say " choices)
}

# Whoever is in here is believed about who the client is. So never everybody: an address anybody
# can have would let anybody be anyone.
function balancers(    each, count, i) {
    count = read_list("EDGE_BALANCERS", "", each)
    for (i = 1; i <= count; i++) {
        each[i] = tolower(each[i])
        if (!is_network(each[i]))
            problem("EDGE_BALANCERS", said(each[i]) " is no address or network; say what your " \
                "load balancer connects from, like 10.0.3.0/24 or 2001:db8::/32")
        else if (is_broad(each[i]))
            problem("EDGE_BALANCERS", said(each[i]) " is too broad: anybody in it could be anyone; " \
                "/8 (IPv4) and /16 (IPv6) are the limits")
    }
    if (count == 0 && ENVIRON["EDGE_CLIENT_HEADER"] != "")
        problem("EDGE_CLIENT_HEADER", "does nothing without EDGE_BALANCERS; set both or neither")
    if (count == 0) value["EDGE_CLIENT_HEADER"] = ""
    else choice("EDGE_CLIENT_HEADER", "X-Forwarded-For", \
        "X-Forwarded-For CF-Connecting-IP True-Client-IP X-Real-IP proxy_protocol")
}

function origins(    each, count, i, all) {
    count = read_list("EDGE_ALLOWED_ORIGINS", "", each)
    for (i = 1; i <= count; i++) {
        each[i] = tolower(each[i])
        if (!is_origin(each[i]))
            problem("EDGE_ALLOWED_ORIGINS", said(each[i]) " is no origin; say https://host or " \
                "https://host:port, no / at the end, no *, no null")
        sub(/:443$/, "", each[i])  # as browsers say it (RFC 6454 §6.2)
        if (index(all " ", " " each[i] " ") == 0) all = all " " each[i]
    }
    value["EDGE_ALLOWED_ORIGINS"] = substr(all, 2)
}

function unknown_names(    name, near) {
    for (name in ENVIRON) {
        if (name !~ /^EDGE_/ || name in value) continue
        near = name_near(name)
        problem(printable(name), "is not known" (near == "" ? "" : "; did you mean " near "?"))
    }
}

# A third of the letters may be wrong, but no more than three: a wild guess is worse than none.
function name_near(name,    known, near, nearest, far) {
    nearest = int(length(substr(name, 6)) / 3)
    if (nearest < 1) nearest = 1
    if (nearest > 3) nearest = 3
    for (known in value) {
        if (known !~ /^EDGE_/ || (far = distance(name, known)) > nearest) continue
        if (far == nearest && near != "" && near < known) continue  # awk's order is its own
        near = known
        nearest = far
    }
    return near
}

# What this nginx can do

function build(    text, version, openssl, has_http3, modules, count, i) {
    text = ENVIRON["RENDER_NGINX"]
    version = numbers(text, "nginx version: [a-z-]+/[0-9]+\\.[0-9]+\\.[0-9]+")
    if (version < 1022000) problem("nginx", "is older than 1.22, or none: " said(substr(text, 1, 40)))
    count = split("http_ssl_module http_v2_module http_realip_module", modules, " ")
    for (i = 1; i <= count; i++)
        if (text !~ ("--with-" modules[i])) problem("nginx", "was built without " modules[i])
    openssl = numbers(text, "running with OpenSSL [0-9]+\\.[0-9]+\\.[0-9]+")
    if (!openssl) openssl = numbers(text, "built with OpenSSL [0-9]+\\.[0-9]+\\.[0-9]+")

    value["AUTO_HTTP2_LISTEN"] = version < 1025001 ? "http2" : ""
    value["AUTO_HTTP2"] = version < 1025001 ? "" : "on"
    # Behind a balancer, Alt-Svc would promise its port, which is not ours to promise.
    has_http3 = text ~ /--with-http_v3_module/ && value["EDGE_HTTP3"] == "auto" \
        && value["EDGE_BALANCERS"] == ""
    value["AUTO_HTTP3"] = has_http3 ? "on" : "off"
    value["AUTO_QUIC"] = has_http3 ? "quic" : ""
    value["AUTO_PROXY_PROTOCOL"] = ""
    if (value["EDGE_CLIENT_HEADER"] == "proxy_protocol")
        value["AUTO_PROXY_PROTOCOL"] = "proxy_protocol"
    value["AUTO_TLS_GROUPS"] = "X25519:prime256v1:secp384r1"
    if (openssl >= 3005000) value["AUTO_TLS_GROUPS"] = "X25519MLKEM768:" value["AUTO_TLS_GROUPS"]
}

# The three numbers at the end of what the pattern finds, as one that can be compared.
function numbers(text, pattern,    found, parts) {
    if (!match(text, pattern)) return 0
    found = substr(text, RSTART, RLENGTH)
    match(found, /[0-9.]+$/)
    split(substr(found, RSTART), parts, ".")
    return parts[1] * 1000000 + parts[2] * 1000 + parts[3]
}

# Tools

function read(name, preset) {
    value[name] = ENVIRON[name] == "" ? preset : ENVIRON[name]
    return value[name]
}

# Commas and spaces part the values of a list; a newline is part of a value, and never right.
function read_list(name, preset, each,    text, count, i) {
    text = read(name, preset)
    gsub(/[ ,]+/, " ", text)
    gsub(/^ | $/, "", text)
    value[name] = text
    return split(text, each, / /)
}

function problem(name, words) {
    print name ": " words | "cat >&2"
    problems++
}

# A value in a message, for a terminal: nothing in it is obeyed.
function said(text) {
    return "\"" printable(substr(text, 1, 80)) (length(text) > 80 ? "..." : "") "\""
}

function printable(text) {
    gsub(/[^ -~]/, "?", text)
    return text
}
