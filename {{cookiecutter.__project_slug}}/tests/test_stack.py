"""The order of the layers is a decision. Whoever changes it changes this test, and says why."""

from __future__ import annotations

from pathlib import Path

import app.layers
from app.stack import ENDPOINT_LAYERS, STACK, build_stack
from tests.in_process import make_settings


def test_the_layers_stand_in_this_order_outermost_first() -> None:
    assert [mount.layer for mount in STACK] == [
        "logs",
        "headers",
        "https",
        "cors",
        "errors",
        "rate_limits",
        "bots",
        "validation",
    ]
    assert ENDPOINT_LAYERS == ("authentication", "authorization", "uploads")


def test_every_room_of_the_inventory_is_in_the_stack() -> None:
    folder = Path(app.layers.__file__).parent
    rooms = {
        path.stem
        for path in folder.iterdir()
        if not path.name.startswith("_") and (path.is_dir() or path.suffix == ".py")
    }
    mounted = {mount.layer for mount in STACK} - {"errors"} | set(ENDPOINT_LAYERS)
    assert rooms == mounted
    assert len(rooms) == 10


def test_each_layer_is_given_its_own_settings(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    for mount, middleware in zip(STACK, build_stack(settings), strict=True):
        assert middleware.cls is mount.middleware
        if mount.section is not None:
            assert middleware.kwargs["settings"] is getattr(settings, mount.section)
