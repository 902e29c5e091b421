"""Settings of the logs layer."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from app.layers import LayerSettings


class LogsSettings(LayerSettings):
    """`LOGS__*`."""

    level: Literal["DEBUG", "INFO", "WARNING"] = "INFO"
    """Least level of what libraries and the application write. Security events and the line of
    each request are written whatever it is; nothing can silence warnings."""
    service_name: str = Field(default="service", pattern=r"^[A-Za-z0-9._-]{1,64}$")
    """`service.name` in every line."""
