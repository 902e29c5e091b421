"""`VALIDATION__*`."""

from __future__ import annotations

from pydantic import Field

from app.layers import LayerSettings


class ValidationSettings(LayerSettings):
    """`VALIDATION__*`. nginx enforces its own, wider bounds before these."""

    max_json_bytes: int = Field(default=65_536, ge=256, le=10_000_000)
    max_json_depth: int = Field(default=16, ge=1, le=64)
    max_query_bytes: int = Field(default=2_048, ge=64, le=65_536)
    max_path_bytes: int = Field(default=1_024, ge=64, le=8_192)
    max_headers: int = Field(default=64, ge=16, le=256)
    max_header_bytes: int = Field(default=16_384, ge=1_024, le=65_536)
