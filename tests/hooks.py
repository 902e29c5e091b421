"""The hooks as modules: unrendered they are plain Python, so a test can call what is in them."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

from bake import ROOT

if TYPE_CHECKING:
    from types import ModuleType


def load_hook(name: str) -> ModuleType:
    """Import a hook from the template's source, as it stands there."""
    spec = importlib.util.spec_from_file_location(name, ROOT / "hooks" / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
