"""Layer 1, HTTPS."""

from __future__ import annotations

from tests.mutants.mutant import NOT_MOUNTED, Mutant

GATE = "app/layers/https.py"

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
        "if peer is None or not self.is_trusted(peer):",
        "if peer is None:",
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
        "if match[1].lower() not in self.hosts:",
        "if not match[1]:",
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
        "        return 403;\n",
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
)
