"""What a query may hold: the parameters that the route names, each once. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

from pydantic import BaseModel

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fastapi.dependencies.models import Dependant


MAX_PARAMETERS = 50


def check_query(query: str, known: frozenset[str]) -> list[dict[str, Any]]:
    """Return a finding for each repeated or unknown parameter, in pydantic's form.

    Repeated: frameworks disagree on which one counts (HTTP parameter pollution).
    """
    findings: list[dict[str, Any]] = []
    seen: set[str] = set()
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=MAX_PARAMETERS)
    except ValueError:
        return [{"type": "too_many", "loc": ("query",), "msg": ""}]
    for name, _ in pairs:
        if name not in known:
            findings.append({"type": "extra_forbidden", "loc": ("query", "?"), "msg": ""})
        elif name in seen:
            findings.append({"type": "repeated", "loc": ("query", name), "msg": ""})
        seen.add(name)
    return findings


def query_names(dependant: Dependant) -> Iterable[str]:
    """Yield the names of the query parameters that a route and its dependencies take."""
    for field in dependant.query_params:
        model = field.field_info.annotation
        if isinstance(model, type) and issubclass(model, BaseModel):
            yield from (info.alias or name for name, info in model.model_fields.items())
        else:
            yield field.alias
    for inner in dependant.dependencies:
        yield from query_names(inner)
