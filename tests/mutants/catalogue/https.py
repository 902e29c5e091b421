"""Layer 1, HTTPS."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

GATE = "app/layers/https.py"
PLAIN = "edge/snippets/http/plain-http.conf"

MUTANTS = (
    Mutant(
        "https",
        NOT_MOUNTED,
        "app/stack.py",
        '    Mount("https", HttpsMiddleware, "https"),\n',
        "",
    ),
    Mutant(
        "https",
        "any peer counts as the proxy",
        GATE,
        "if not self.is_trusted(peer):",
        "if peer is None and not self.is_trusted(peer):",
    ),
    Mutant(
        "https",
        "the first of two X-Forwarded-For is believed",
        GATE,
        "if len(claims.forwarded_for) != 1 or len(claims.forwarded_proto) != 1:",
        "if not claims.forwarded_for or not claims.forwarded_proto:",
    ),
    Mutant(
        "https",
        "plain HTTP up to the proxy is good enough",
        GATE,
        'if claims.forwarded_proto[0] != b"https":',
        'if claims.forwarded_proto[0] not in {b"https", b"http"}:',
    ),
    Mutant(
        "https",
        "every host is ours",
        GATE,
        "if name not in self.hosts:",
        "if not name:",
    ),
    Mutant(
        "https",
        "nginx appends to the client's own X-Forwarded-For",
        "edge/snippets/location/proxy-headers.conf",
        "proxy_set_header X-Forwarded-For $remote_addr;",
        "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
    ),
    Mutant(
        "https",
        "nginx shows its certificate to unknown names",
        "edge/conf.d/unknown-hosts.conf",
        "    ssl_reject_handshake on;\n",
        '    ssl_certificate "${EDGE_CERTIFICATE}";\n'
        '    ssl_certificate_key "${EDGE_CERTIFICATE_KEY}";\n',
    ),
    Mutant(
        "https",
        "nginx serves the API over plain HTTP",
        "edge/conf.d/http.conf",
        "    location ^~ /api/ {\n        return 403;\n",
        "    location ^~ /api/ {\n"
        "        include snippets/location/proxy-headers.conf;\n"
        "        include snippets/location/proxy.conf;\n",
    ),
    Mutant(
        "https",
        "nginx waits for slow headers",
        "edge/snippets/http/timeouts.conf",
        "client_header_timeout 5s;",
        "client_header_timeout 500s;",
    ),
    Mutant(
        "https",
        "nginx lets TRACE through",
        "edge/snippets/http/methods.conf",
        "    default 1;\n",
        "    default 0;\n",
    ),
    Mutant(
        "https",
        "nginx logs bytes that are no UTF-8",
        "edge/snippets/http/access-log.conf",
        '"user_agent.original":"$sent_user_agent"',
        '"user_agent.original":"$http_user_agent"',
    ),
    Mutant(
        "https",
        "a peer on a socket is trusted though nobody said so",
        GATE,
        "return self._trusts_unix",
        "return True",
    ),
    Mutant(
        "https",
        "every user of the machine may open the socket",
        "gunicorn.conf.py",
        "umask = 0o117",
        "umask = 0o000",
    ),
    Mutant(
        "https",
        "everybody may be a balancer",
        "edge/render/shapes.awk",
        "function is_broad(text,    bits) {\n",
        "function is_broad(text,    bits) {\n    return 0\n",
    ),
    Mutant(
        "https",
        "whoever is no balancer is believed too",
        "edge/snippets/http/client-address.conf",
        "set_real_ip_from ${EDGE_BALANCERS};\n",
        "set_real_ip_from ${EDGE_BALANCERS};\nset_real_ip_from 0.0.0.0/0;\n",
    ),
    Mutant(
        "https",
        "a balancer behind a balancer is taken for the client",
        "edge/snippets/http/client-address.conf",
        "real_ip_recursive on;",
        "real_ip_recursive off;",
    ),
    Mutant(
        "https",
        "port 80 redirects a request with a cookie",
        PLAIN,
        "$http_authorization$http_proxy_authorization$http_cookie",
        "$http_authorization$http_proxy_authorization",
    ),
    Mutant(
        "https",
        "port 80 redirects whatever comes",
        PLAIN,
        '    "HEAD 0" 0;\n    default  1;\n',
        '    "HEAD 0" 0;\n    default  0;\n',
    ),
    Mutant(
        "https",
        "a secret in the clear raises no alarm",
        PLAIN,
        '    "~^\\S+  1" credentials_exposed;\n',
        "",
    ),
    Mutant(
        "https",
        "any file in the folder of challenges is shown",
        "edge/snippets/server/acme.conf",
        "[A-Za-z0-9_-]{1,128}$",
        ".+$",
    ),
    Mutant(
        "https",
        "TLS 1.2 is spoken unasked",
        "edge/choices/tls/modern.conf",
        "ssl_protocols TLSv1.3;",
        "ssl_protocols TLSv1.2 TLSv1.3;",
    ),
    Mutant(
        "https",
        "a cipher that is no AEAD is among the intermediate ones",
        "edge/choices/tls/intermediate.conf",
        "ssl_ciphers ",
        "ssl_ciphers ECDHE-ECDSA-AES128-SHA:",
    ),
    Mutant(
        "https",
        "sessions are sealed into tickets",
        "edge/snippets/http/tls.conf",
        "ssl_session_tickets off;",
        "ssl_session_tickets on;",
    ),
    Mutant(
        "https",
        "one address may hold any number of bodies",
        "edge/snippets/server/limits.conf",
        "limit_conn connections 50;",
        "limit_conn connections 5000;",
    ),
    Mutant(
        "https",
        "nginx waits for whoever reads nothing",
        "edge/snippets/http/timeouts.conf",
        "send_timeout 10s;",
        "send_timeout 500s;",
    ),
    Mutant(
        "https",
        "answers are compressed",
        "edge/snippets/http/no-compression.conf",
        "gzip off;",
        "gzip on; gzip_types *; gzip_min_length 1; gzip_proxied any;",
    ),
    Mutant(
        "https",
        "a header with an underscore passes",
        "edge/snippets/http/header-names.conf",
        "underscores_in_headers off;",
        "underscores_in_headers on;",
    ),
    Mutant(
        "https",
        "an upgrade passes",
        "edge/snippets/location/proxy-headers.conf",
        'proxy_set_header Upgrade "";',
        "proxy_set_header Upgrade $http_upgrade;",
    ),
)
