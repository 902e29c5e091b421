"""Layer 1, HTTPS: the application's part."""

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
        first="tests/attacks/test_https.py",
    ),
    Mutant(
        "https",
        "any peer counts as the proxy",
        GATE,
        "if not self.is_trusted(peer):",
        "if peer is None and not self.is_trusted(peer):",
        first="tests/layers/test_https.py",
    ),
    Mutant(
        "https",
        "the first of two X-Forwarded-For is believed",
        GATE,
        "if len(claims.forwarded_for) != 1 or len(claims.forwarded_proto) != 1:",
        "if not claims.forwarded_for or not claims.forwarded_proto:",
        first="tests/layers/test_https.py",
    ),
    Mutant(
        "https",
        "plain HTTP up to the proxy is good enough",
        GATE,
        'if claims.forwarded_proto[0] != b"https":',
        'if claims.forwarded_proto[0] not in {b"https", b"http"}:',
        first="tests/layers/test_https.py",
    ),
    Mutant(
        "https",
        "every host is ours",
        GATE,
        "if name not in self.hosts:",
        "if not name:",
        first="tests/layers/test_https.py",
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
        first="tests/attacks/test_https_socket.py",
    ),
    Mutant(
        "https",
        "what cannot be parsed leaves no line",
        "app/protocol.py",
        "            log_event(Event.INPUT_VALIDATION_FAIL,",
        "            dict(event=Event.INPUT_VALIDATION_FAIL,",
    ),
)
