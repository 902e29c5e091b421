"""Attacks on layer 1 by what outlives a TLS session, or comes before it."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING

from tests.raw import request
from tests.stack import PATIENCE_SECONDS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stack import Stack

STATEFUL_TICKET_BYTES = 32
"""A session's number, which means something to the server's memory only."""


def s_client(stack: Stack, said: str, *options: str) -> str:
    """Return what `openssl s_client` prints while it says this to nginx."""
    done = subprocess.run(  # noqa: S603 - our own arguments
        [
            *("openssl", "s_client", "-connect", f"127.0.0.1:{stack.https_port}"),
            *("-servername", "localhost", "-CAfile", str(stack.ca_file), *options),
        ],
        input=said,
        capture_output=True,
        text=True,
        timeout=PATIENCE_SECONDS,
        check=False,
    )
    return done.stdout + done.stderr


def test_attack_a_key_that_outlives_forward_secrecy(stack: Stack) -> None:
    """A ticket that holds the session itself is only as secret as the key that sealed it."""
    printed = s_client(stack, request().decode(), "-ign_eof")
    dumps = re.findall(r"TLS session ticket:\n((?:    [0-9a-f]{4} - .*\n)+)", printed)
    assert dumps, printed
    for dump in dumps:
        shown = [line[11:58].replace("-", " ").split() for line in dump.splitlines()]
        assert sum(map(len, shown)) == STATEFUL_TICKET_BYTES, dump


def test_twin_a_session_can_be_resumed(stack: Stack, tmp_path: Path) -> None:
    session = str(tmp_path / "session.pem")
    s_client(stack, request().decode(), "-ign_eof", "-sess_out", session)
    printed = s_client(stack, request().decode(), "-ign_eof", "-sess_in", session)
    assert "Reused, TLSv1.3" in printed


def test_attack_early_data_that_could_be_replayed(stack: Stack, tmp_path: Path) -> None:
    """RFC 8446 §8: what is sent before the handshake has ended can be sent by anyone again."""
    session, early = str(tmp_path / "session.pem"), tmp_path / "early"
    early.write_bytes(request("/healthz", "X-Early: 1"))
    printed = s_client(stack, request().decode(), "-ign_eof", "-sess_out", session)
    assert "Max Early Data: 0" in printed
    printed = s_client(stack, "", "-sess_in", session, "-early_data", str(early))
    assert "Early data was accepted" not in printed
    assert "Early data was" in printed


def test_attack_a_renegotiation(intermediate: Stack) -> None:
    """CVE-2009-3555, CVE-2011-1473: a client may not ask for handshake after handshake."""
    printed = s_client(intermediate, "R\n", "-tls1_2")
    assert "RENEGOTIATING" in printed
    assert "no renegotiation" in printed or "unexpected eof" in printed
