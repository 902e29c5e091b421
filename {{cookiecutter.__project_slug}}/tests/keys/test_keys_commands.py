"""Making, replacing and showing the keys that sign: what an operator does, and does wrong."""

from __future__ import annotations

import os
import re
import stat
import time
from typing import TYPE_CHECKING

import pytest

from app.keys.__main__ import main
from app.keys.service import (
    LONGEST_LIFE,
    RotationUnderWayError,
    description,
    key_text,
    make_key,
    moment_text,
    read_keys,
    rotated,
)
from app.layers.authentication import AuthenticationSettings
from app.layers.authentication.keys import WeakKeyError, load_signing_keys
from app.settings import load_settings
from tests.in_process import signing_key_pem

if TYPE_CHECKING:
    from pathlib import Path

    from app.layers.authentication.keys import Algorithm

NOW = 2_000_000_000
CURVES = [make_key("ES256") for _ in range(3)]


def text_of(*moments: float) -> str:
    return "".join(key_text(key, at) for key, at in zip(CURVES, moments, strict=False))


FIRST = text_of(float("-inf"))
KIDS = [read_keys(key_text(key, 0))[0].kid for key in CURVES]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file of one key that signs from the beginning."""
    path = tmp_path / "keys.pem"
    path.touch(0o600)
    path.write_text(FIRST)
    return path


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def kids_in(path: Path) -> list[str]:
    return [key.kid for key in read_keys(path.read_text())]


@pytest.mark.parametrize(
    ("algorithm", "kind"), [("RS256", "RSA-3072"), ("PS256", "RSA-3072"), ("ES256", "P-256")]
)
def test_a_new_key_is_private_strong_and_one_that_the_service_takes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], algorithm: Algorithm, kind: str
) -> None:
    path = tmp_path / "keys.pem"
    before = os.umask(0)
    try:
        assert main(["new", "--algorithm", algorithm, str(path)]) == 0
    finally:
        os.umask(before)
    assert mode_of(path) == 0o600
    (key,) = load_signing_keys(path.read_text(), algorithm)
    assert capsys.readouterr().out == f"{key.kid}  {kind}  from the beginning  signs\n"
    settings = load_settings(
        {
            "AUTHENTICATION__ALGORITHM": algorithm,
            "AUTHENTICATION__PRIVATE_KEY_FILE": str(path),
        },
        env_file=None,
    )
    assert settings.authentication.private_key is not None


def test_a_new_key_never_takes_the_place_of_one_unless_told_to(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["new", "--algorithm", "ES256", str(file)]) == 1
    assert "is there already" in capsys.readouterr().err
    assert file.read_text() == FIRST
    assert main(["new", "--algorithm", "ES256", "--replace", str(file)]) == 0
    assert KIDS[0] not in kids_in(file)
    assert len(kids_in(file)) == 1


def test_a_key_that_leaked_is_replaced_where_the_link_leads(file: Path) -> None:
    link = file.with_name("link.pem")
    link.symlink_to(file)
    assert main(["new", "--algorithm", "ES256", "--replace", str(link)]) == 0
    assert link.is_symlink()
    assert KIDS[0] not in kids_in(file)


def test_a_rotation_puts_a_key_beside_the_present_one_that_signs_in_an_hour(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = time.time()
    assert main(["rotate", str(file)]) == 0
    after = time.time()
    first, second = read_keys(file.read_text())
    assert first.kid == KIDS[0]
    assert before + 3_600 <= second.signs_from <= after + 3_601
    assert mode_of(file) == 0o600
    said = capsys.readouterr().out
    assert f"{second.kid} signs from {moment_text(second.signs_from)}." in said
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_a_second_rotation_waits_for_the_first(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["rotate", "--in", "600", str(file)]) == 0
    there = file.read_text()
    assert main(["rotate", str(file)]) == 1
    assert "the newest key will not sign before" in capsys.readouterr().err
    assert file.read_text() == there


@pytest.mark.parametrize("seconds", ["599", "-1", "0", "2592001", "soon", "1e3"])
def test_an_overlap_that_is_too_short_or_long_is_refused(file: Path, seconds: str) -> None:
    """Others keep our published keys for five minutes: one that signs earlier is unknown."""
    with pytest.raises(SystemExit):
        main(["rotate", "--in", seconds, str(file)])
    assert file.read_text() == FIRST


@pytest.mark.parametrize(
    ("passed", "kept"),
    [(0, [0, 1]), (LONGEST_LIFE - 1, [0, 1]), (LONGEST_LIFE, [1]), (10**8, [1])],
)
def test_a_rotation_drops_keys_whose_last_token_has_ended(passed: int, kept: list[int]) -> None:
    text, new = rotated(text_of(float("-inf"), NOW), NOW + passed, 3_600)
    assert [key.kid for key in read_keys(text)] == [*(KIDS[number] for number in kept), new.kid]
    assert new.signs_from == NOW + passed + 3_600


def test_a_rotation_waits_for_the_newest_key_not_only_for_the_last_in_the_file() -> None:
    with pytest.raises(RotationUnderWayError, match="2033-05-18T03:33:20Z"):
        rotated(key_text(CURVES[1], NOW) + FIRST, NOW - 1, 600)
    text, _new = rotated(key_text(CURVES[1], NOW) + FIRST, NOW, 600)
    assert len(read_keys(text)) == 3


def test_ten_rotations_leave_two_keys() -> None:
    text, now = FIRST, float(NOW)
    for _ in range(10):
        text, new = rotated(text, now, 3_600)
        now = new.signs_from + LONGEST_LIFE
    assert len(read_keys(text)) == 2


def test_the_longest_life_is_what_the_settings_allow() -> None:
    bounds = {
        name: next(rule.le for rule in field.metadata if hasattr(rule, "le"))
        for name, field in AuthenticationSettings.model_fields.items()
        if name in {"access_token_seconds", "clock_skew_seconds"}
    }
    assert sum(bounds.values()) == LONGEST_LIFE


def test_a_new_key_is_of_the_kind_of_the_present_one() -> None:
    text, new = rotated(signing_key_pem(), NOW, 600)
    assert (new.public.algorithm, new.private.key_size) == ("RS256", 3072)
    assert text.startswith("-----BEGIN PRIVATE KEY-----\n")


def test_a_rotated_file_keeps_its_owner_and_group_but_is_nobody_elses(file: Path) -> None:
    """A service that runs as another user must still be able to read it."""
    groups = [group for group in os.getgroups() if group != file.stat().st_gid]
    if groups:
        os.chown(file, -1, groups[0])
    group = file.stat().st_gid
    file.chmod(0o644)
    assert main(["rotate", str(file)]) == 0
    assert mode_of(file) == 0o640
    assert (file.stat().st_uid, file.stat().st_gid) == (os.getuid(), group)
    file.chmod(0o644)
    assert main(["new", "--algorithm", "ES256", "--replace", str(file)]) == 0
    assert mode_of(file) == 0o640
    assert (file.stat().st_uid, file.stat().st_gid) == (os.getuid(), group)


def test_a_link_to_the_file_stays_a_link(file: Path) -> None:
    link = file.with_name("link.pem")
    link.symlink_to(file.name)
    assert main(["rotate", str(link)]) == 0
    assert link.is_symlink()
    assert len(kids_in(file)) == 2


def test_a_crash_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def crash(_handle: int) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", crash)
    assert main(["rotate", str(file)]) == 1
    assert file.read_text() == FIRST
    assert [path.name for path in file.parent.iterdir()] == [file.name]


def test_keys_are_shown_by_name_kind_and_moment_and_never_themselves(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = text_of(float("-inf"), NOW - 10**7, NOW + 10**9)
    file.write_text(text)
    assert main(["show", str(file)]) == 0
    shown = capsys.readouterr().out
    assert [line.split()[0] for line in shown.splitlines()] == KIDS
    blocks = re.findall(r"^[A-Za-z0-9+/=]{20,}$", text, re.MULTILINE)
    assert blocks
    assert not any(block in shown for block in blocks)
    assert file.read_text() == text


def test_what_each_key_does_is_said() -> None:
    keys = read_keys(text_of(float("-inf"), NOW, NOW + 7_200))
    states = {
        at: [line.partition("  P-256  ")[2].partition("  ")[2] for line in description(keys, at)]
        for at in (NOW - 1, NOW, NOW + LONGEST_LIFE, NOW + 7_200)
    }
    waits, verifies = "is published, will sign", "verifies what it signed"
    assert states == {
        NOW - 1: ["signs", waits, waits],
        NOW: [verifies, "signs", waits],
        NOW + LONGEST_LIFE: ["has retired", "signs", waits],
        NOW + 7_200: ["has retired", verifies, "signs"],
    }


@pytest.mark.parametrize("command", ["rotate", "show"])
@pytest.mark.parametrize(
    "content",
    [b"", b"rubbish", b"\xff\xfe", FIRST.encode()[:150], signing_key_pem(2048).encode()],
    ids=["empty", "rubbish", "no-text", "cut", "short"],
)
def test_a_file_that_holds_no_usable_key_is_said_and_left(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: str, content: bytes
) -> None:
    path = tmp_path / "keys.pem"
    path.write_bytes(content)
    assert main([command, str(path)]) == 1
    said = capsys.readouterr()
    assert said.err.startswith(f"{path}: ")
    assert said.err.count("\n") == 1
    assert path.read_bytes() == content
    assert main([command, str(tmp_path / "missing")]) == 1


def test_keys_of_two_kinds_are_refused() -> None:
    with pytest.raises(WeakKeyError):
        read_keys(signing_key_pem() + key_text(CURVES[0], NOW))


def test_a_file_in_which_nothing_signs_yet_is_shown_and_not_rotated(
    file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file.write_text(key_text(CURVES[0], time.time() + 10**6))
    assert main(["show", str(file)]) == 0
    assert "will sign" in capsys.readouterr().out
    assert main(["rotate", str(file)]) == 1
