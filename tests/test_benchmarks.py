"""The pure parts of the benchmark: reading wrk and /proc, summing up, and what is left out."""

from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING

import pytest

from benchmarks import BenchError, rounds, tools
from benchmarks.__main__ import main
from benchmarks.contestants import EDGE_HEADERS, with_token
from benchmarks.cpu import choose_cores, cpu_seconds, parse_cpu_list, parse_stat
from benchmarks.proofs import spoil_signature
from benchmarks.report import (
    figures,
    headline,
    layer_costs,
    layer_table,
    own_work_table,
    table,
    warnings,
)
from benchmarks.rounds import Field, run_rounds
from benchmarks.summary import Sample, Spread, difference_by_round, ratio_by_round, spread
from benchmarks.wrk import UnreadableError, parse

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

CLEAN = """\
Running 4s test @ http://127.0.0.1:8765/answer
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency     3.78ms    2.08ms  57.83ms   98.03%
    Req/Sec     8.79k   180.21     8.98k    90.00%
  Latency Distribution
     50%    3.62ms
     75%    3.68ms
     90%    3.74ms
     99%    7.12ms
  34950 requests in 4.00s, 4.36MB read
Requests/sec:   8737.50
Transfer/sec:      1.09MB
"""

TROUBLED = """\
Running 4s test @ http://127.0.0.1:8765/answer
  1 threads and 32 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   800.10us   12.08ms   1.83s    98.03%
    Req/Sec     8.79k   180.21     8.98k    90.00%
  Latency Distribution
     50%  612.00us
     75%  700.00us
     90%    3.74ms
     99%    1.20s
  1200 requests in 1.10m, 4.36MB read
  Socket errors: connect 1, read 2, write 3, timeout 4
  Non-2xx or 3xx responses: 1100
Requests/sec:     18.18
Transfer/sec:      1.09MB
"""


def sample(rps: float = 1000, cpu_us: float = 100, busy: float = 1.0) -> Sample:
    """Return a sample in which only what a test is about is said."""
    return Sample(requests=4000, rps=rps, cpu_us=cpu_us, busy=busy, p50_ms=3.5, p99_ms=7)


# --- wrk ------------------------------------------------------------------------------------------


def test_a_clean_run_is_read() -> None:
    load = parse(CLEAN)
    assert (load.requests, load.seconds) == (34_950, 4.0)
    assert load.per_second == pytest.approx(8737.5)
    assert [load.p50_ms, load.p99_ms] == pytest.approx([3.62, 7.12])
    assert (load.refused, load.socket_errors) == (0, 0)


def test_refusals_socket_errors_and_other_units_are_read() -> None:
    load = parse(TROUBLED)
    assert (load.refused, load.socket_errors) == (1100, 10)
    assert load.seconds == pytest.approx(66)
    assert [load.p50_ms, load.p99_ms] == pytest.approx([0.612, 1200])


@pytest.mark.parametrize(
    "output",
    [
        "",
        "unable to connect to 127.0.0.1:1 Connection refused",
        CLEAN.replace("99%    7.12ms", ""),
        CLEAN.replace("in 4.00s", "in 0.00us"),
    ],
    ids=["nothing", "no server", "no percentile", "no time"],
)
def test_output_that_is_no_result_is_an_error(output: str) -> None:
    with pytest.raises(UnreadableError):
        parse(output)


# --- the processor --------------------------------------------------------------------------------


def test_user_and_system_time_are_added_whatever_the_program_is_called() -> None:
    rest = "S 1 2 3 0 -1 4194560 11500 0 38 0 291 58 7 9 20 0 5 0 132339"
    assert parse_stat(f"6849 (python) {rest}") == 291 + 58
    assert parse_stat(f"6849 (a) S 1 (b) {rest}") == 291 + 58


def test_the_time_of_a_real_process_grows_as_it_works() -> None:
    before = cpu_seconds(os.getpid())
    while cpu_seconds(os.getpid()) == before:
        sum(range(100_000))
    assert cpu_seconds(os.getpid()) > before


def test_a_process_that_is_gone_is_an_error() -> None:
    beyond_every_pid = 2**22 + 1
    with pytest.raises(OSError, match="No such file"):
        cpu_seconds(beyond_every_pid)


@pytest.mark.parametrize(
    ("text", "expected"),
    [("0\n", {0}), ("0-1\n", {0, 1}), ("0,4", {0, 4}), ("0-1,8-9", {0, 1, 8, 9})],
)
def test_a_list_of_cores_is_read_as_the_kernel_writes_it(text: str, expected: set[int]) -> None:
    assert parse_cpu_list(text) == expected


@pytest.mark.parametrize(
    ("available", "siblings", "expected"),
    [
        ({0, 1}, frozenset({0}), (0, 1)),
        ({0, 1, 2, 3}, frozenset({0, 1}), (0, 2)),
        ({0, 1}, frozenset({0, 1}), (0, 1)),
        ({3, 7}, frozenset[int](), (3, 7)),
        ({5}, frozenset({5}), None),
    ],
    ids=["two cores", "hyperthreads apart", "nothing but hyperthreads", "no topology", "one core"],
)
def test_the_load_gets_a_core_of_its_own(
    available: set[int], siblings: frozenset[int], expected: tuple[int, int] | None
) -> None:
    assert choose_cores(available, siblings) == expected


# --- figures --------------------------------------------------------------------------------------


def test_one_slow_round_does_not_move_the_median() -> None:
    assert spread([100, 101, 12]) == Spread(median=100, least=12, most=101)


def test_no_values_have_no_median() -> None:
    with pytest.raises(ValueError, match="no values"):
        spread([])


def test_ratios_and_differences_compare_within_a_round() -> None:
    assert ratio_by_round([50, 20], [100, 40]) == Spread(0.5, 0.5, 0.5)
    assert difference_by_round([110, 210], [100, 200]) == Spread(10, 10, 10)


@pytest.mark.parametrize("compare", [ratio_by_round, difference_by_round])
def test_rounds_that_one_side_missed_are_an_error(
    compare: Callable[[Sequence[float], Sequence[float]], Spread],
) -> None:
    with pytest.raises(ValueError, match="shorter"):
        compare([1, 2, 3], [1, 2])


CONTEST = {
    "bare": [sample(1000, 100), sample(900, 110), sample(1100, 90)],
    "usual": [sample(50, 2000), sample(60, 1900), sample(40, 2100)],
    "hardened": [sample(500, 200), sample(450, 220), sample(550, 180)],
}
TITLES = {"bare": "bare FastAPI", "usual": "usual stack", "hardened": "ours"}


def test_the_figures_have_what_is_promised_and_survive_json() -> None:
    found = json.loads(json.dumps(figures(CONTEST, {"rounds": 3, "versions": {"python": "3"}})))
    assert (found["bare_rps"], found["usual_rps"], found["hardened_rps"]) == (1000, 50, 500)
    assert (found["hardened_over_bare"], found["hardened_over_usual"]) == (0.5, 10)
    assert found["cpu_us_per_request"] == {"bare": 100, "usual": 2000, "hardened": 200}
    assert found["spread"]["bare"]["rps"] == {"median": 1000, "least": 900, "most": 1100}
    assert (found["rounds"], found["versions"]) == (3, {"python": "3"})
    assert len(found["samples"]["usual"]) == 3


def test_the_table_has_a_row_for_each_contestant_and_aligns() -> None:
    head, *rows = table(CONTEST, TITLES).splitlines()
    assert [row.split("  ")[0] for row in rows] == list(TITLES.values())
    assert {len(line) for line in rows} == {len(head)}
    assert "0.50" in rows[2]
    assert "450-550" in rows[2]


def test_the_headline_says_both_ratios() -> None:
    said = headline(figures(CONTEST, {}))
    assert "0.50 of bare FastAPI (by round 0.50-0.50)" in said
    assert "10.00 of the usual stack (by round 7.50-13.75)" in said


def test_only_a_server_that_was_kept_from_its_core_is_warned_about() -> None:
    found = warnings({"calm": [sample(), sample()], "pushed": [sample(), sample(busy=0.5)]})
    assert len(found) == 1
    assert "throughout: pushed 0.50." in found[0]


def test_layers_cost_what_the_stack_saves_without_them_dearest_first() -> None:
    samples = {
        "full": [sample(cpu_us=300), sample(cpu_us=340)],
        "anyone": [sample(cpu_us=200), sample(cpu_us=210)],
        "headers": [sample(cpu_us=198), sample(cpu_us=207)],
        "logs": [sample(cpu_us=170), sample(cpu_us=182)],
    }
    costs = layer_costs(samples)
    assert list(costs) == ["identity", "logs", "headers"]
    assert costs["identity"] == Spread(median=115, least=100, most=130)
    assert costs["logs"] == Spread(median=29, least=28, most=30)
    head, *rows = layer_table(samples).splitlines()
    assert head.split()[0] == "layer"
    assert [row.split("  ")[0] for row in rows] == [
        *costs,
        "all but identity",
        "all",
    ]
    assert "+29.0" in rows[1]
    assert "320.0" in rows[-1]


def test_a_layers_own_work_is_a_median_beside_its_budget() -> None:
    slow_once = [2.0] * 19 + [50.0]
    head, *rows = own_work_table({"nothing": [0.0] * 20, "headers": slow_once}).splitlines()
    assert head.split()[:3] == ["layer", "by", "itself"]
    assert rows[0].split() == ["nothing", "0.00", "0.00", "…", "0.00"]
    assert rows[1].split() == ["headers", "2.00", "2.00", "…", "2.00", "2"]


# --- what is refused ------------------------------------------------------------------------------


def test_a_spoilt_signature_is_another_one_of_the_same_length() -> None:
    for byte in (b"\x00", b"\xff", b"\x41"):
        signature = base64.urlsafe_b64encode(byte * 384).decode()
        head, _, spoilt = spoil_signature(f"aaaa.bbbb.{signature}").rpartition(".")
        assert head == "aaaa.bbbb"
        assert len(spoilt) == len(signature)
        assert base64.urlsafe_b64decode(spoilt) != byte * 384


def test_every_contestant_gets_the_request_that_the_proxy_would_pass_on() -> None:
    assert with_token("abc") == {**EDGE_HEADERS, "Authorization": "Bearer abc"}


def test_a_run_that_would_outlive_its_tokens_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rounds, "MAX_TOTAL_SECONDS", -1)
    with pytest.raises(BenchError, match="that takes"):
        run_rounds([], Field(rounds=50, seconds=30, load_core=1, redis_port=1))


def test_missing_programs_that_nobody_can_install_are_one_clear_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    absent = {"wrk", "setpriv", "apt-get"}
    monkeypatch.setattr(
        "shutil.which", lambda program: None if program in absent else f"/usr/bin/{program}"
    )
    with pytest.raises(BenchError) as refusal:
        tools.require_tools(tmp_path)
    assert str(refusal.value) == "wrk, setpriv not found; install: util-linux wrk"


@pytest.mark.parametrize(
    "arguments",
    [["--rounds", "0"], ["--rounds", "51"], ["--seconds", "31"], ["--rounds", "many"]],
)
def test_rounds_and_seconds_are_bounded(
    arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        main(["--project", ".", *arguments])
    assert refusal.value.code == 2
    assert "argument --" in capsys.readouterr().err
