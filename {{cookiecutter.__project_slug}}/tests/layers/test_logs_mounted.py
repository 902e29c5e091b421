"""Layer 10 in its place: outside of everything, in the service as it is shipped."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.in_process import client_of, make_settings, running

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.anyio
@pytest.mark.parametrize(("path", "status"), [("/healthz", 200), ("/nowhere", 404)])
async def test_every_answer_of_the_service_has_the_id_of_its_line(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], path: str, status: int
) -> None:
    async with running(make_settings(tmp_path)) as app, client_of(app) as client:
        answer = await client.get(path)
    assert answer.status_code == status
    lines = [json.loads(line) for line in capfd.readouterr().out.splitlines()]
    (line,) = (line for line in lines if line.get("event.action") == "request")
    assert line["http.request.id"] == answer.headers["x-request-id"]
    assert line["http.response.status_code"] == status
