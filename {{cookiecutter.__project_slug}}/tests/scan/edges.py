"""More edges before the same application: with other choices, or spoilt on purpose."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from dev.edge import install_certificate, render
from dev.processes import ROOT, Service, edge_values, nginx
from dev.runner import running

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.stack import Stack

Damage = tuple[str, str, str]
"""A file below `edge/`, words in it, and what stands there instead."""


def rendered(stack: Stack, folder: Path, *damage: Damage, **choices: str) -> Service:
    """Render an edge before the stack's application; return how to run it.

    Args:
        stack: whose application and certificate are used.
        folder: for nginx's files.
        damage: edits of what was rendered.
        choices: for `EdgeValues`.
    """
    service = Service(run=folder, certificates=stack.service.certificates, settings={})
    ports = service.ports
    changed: dict[str, Any] = {"http_port": ports.http, "https_port": ports.https, **choices}
    values = replace(edge_values(stack.service), **changed)
    render(ROOT / "edge", folder, values)
    install_certificate(folder, service.certificates.certificate, service.certificates.key)
    for name, old, new in damage:
        path = folder / name
        text = path.read_text("utf-8")
        assert old in text, f"{name} no longer says {old!r}"
        path.write_text(text.replace(old, new), "utf-8")
    return service


@contextmanager
def edge(stack: Stack, folder: Path, *damage: Damage, **choices: str) -> Iterator[Service]:
    """Run such an edge until the block ends."""
    service = rendered(stack, folder, *damage, **choices)
    with running((nginx(service),), folder) as (process,):
        process.wait_until_ready()
        yield service
