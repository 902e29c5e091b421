"""Fetches the networks that Google and Microsoft publish for their crawlers, and says what changed.

`python -m app.layers.bots.local.refresh_ranges` rewrites `search_engine_ranges.json` beside this
file, all of it or nothing. It is for developers: look at the change, commit it, deploy it. A source
that answers with anything but a plausible list is refused, so that nobody who takes over a server
or a name on the way lets the whole Internet in.
"""

from __future__ import annotations

import ipaddress
import json
import os
import sys
from typing import TYPE_CHECKING, Any

import httpx

from app.layers.bots.local.search_engines import RANGES

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable
    from pathlib import Path

    from app.layers import Network

MAX_BYTES = 1_000_000
TIMEOUT_SECONDS = 10.0
WIDEST = {4: 16, 6: 32}
"""The shortest prefix that is believed, by IP version."""


class ImplausibleRangesError(Exception):
    """A source says something that can't be its crawlers' networks."""


def fetch_list(url: str, verify: ssl.SSLContext | bool = True) -> bytes:  # noqa: FBT001, FBT002 - httpx's
    """Return what a source answers, without following it elsewhere.

    Args:
        url: where the list is published.
        verify: as httpx takes it: which authorities are believed.

    Raises:
        ImplausibleRangesError: it is not HTTPS, no 200, or too long.
    """
    if not url.startswith("https://"):
        raise ImplausibleRangesError(f"{url} is not https")
    with (
        httpx.Client(timeout=TIMEOUT_SECONDS, trust_env=False, verify=verify) as client,
        client.stream("GET", url) as answer,
    ):
        if answer.status_code != httpx.codes.OK:
            raise ImplausibleRangesError(f"{url} answers {answer.status_code}")
        content = b""
        for chunk in answer.iter_bytes():
            content += chunk
            if len(content) > MAX_BYTES:
                raise ImplausibleRangesError(f"{url} answers more than {MAX_BYTES} bytes")
    return content


def parse(content: bytes, before: int) -> tuple[str, list[str]]:
    """Return when a list was made, and its networks, neighbouring ones merged.

    Args:
        content: the published JSON.
        before: how many networks there were.

    Raises:
        ImplausibleRangesError: it holds none, far fewer than before, or any that is too wide.
    """
    try:
        given = json.loads(content)
        texts = [next(iter(one.values())) for one in given["prefixes"]]
        found: list[Network] = [ipaddress.ip_network(text) for text in texts]
        created = str(given["creationTime"])[:40]
    except (ValueError, KeyError, TypeError, AttributeError, StopIteration) as error:
        raise ImplausibleRangesError(f"no list of networks ({type(error).__name__})") from error
    for network in found:
        if network.prefixlen < WIDEST[network.version] or not network.is_global:
            raise ImplausibleRangesError(f"{network} is nobody's crawler")
    merged: list[str] = []
    for version in WIDEST:
        same: Any = [network for network in found if network.version == version]
        merged += map(str, ipaddress.collapse_addresses(same))
    if 2 * len(merged) < before or not merged:
        raise ImplausibleRangesError(f"{len(merged)} networks, {before} before")
    return created, merged


def refresh(path: Path = RANGES, fetch: Callable[[str], bytes] = fetch_list) -> list[str]:
    """Rewrite the file; return a line for each network that came or went.

    Raises:
        ImplausibleRangesError: a source is not to be believed; the file is as it was.
    """
    ranges = json.loads(path.read_text("utf-8"))
    changes = []
    for name, entry in ranges.items():
        known = set(entry["networks"])
        created, networks = parse(fetch(entry["source"]), len(known))
        changes += [f"{name}: + {one}" for one in networks if one not in known]
        changes += [f"{name}: - {one}" for one in sorted(known - set(networks))]
        entry |= {"created": created, "networks": networks}
    if changes:
        fresh = path.with_suffix(".new")
        fresh.write_text(f"{json.dumps(ranges, indent=2)}\n", "utf-8")
        os.replace(fresh, path)  # noqa: PTH105 - atomic, in the same folder
    return changes


def main() -> int:
    """Refresh, and print what changed; 1 if a source can't be had or believed."""
    try:
        changes = refresh()
    except (ImplausibleRangesError, httpx.HTTPError) as error:
        sys.stderr.write(f"nothing was changed: {error}\n")
        return 1
    sys.stdout.writelines(f"{change}\n" for change in changes)
    return 0


if __name__ == "__main__":
    sys.exit(main())
