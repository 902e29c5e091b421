"""Prints, as JSON, the versions of what the contestants run on."""

from __future__ import annotations

import json
import platform
from importlib import metadata

MATTERS = (
    "fastapi",
    "starlette",
    "uvicorn",
    "uvloop",
    "httptools",
    "pydantic",
    "slowapi",
    "redis",
    "hiredis",
    "pyjwt",
    "cryptography",
    "loguru",
    "orjson",
    "sqlalchemy",
)

if __name__ == "__main__":
    found = {name: metadata.version(name) for name in MATTERS}
    print(json.dumps({"python": platform.python_version(), **found}))
