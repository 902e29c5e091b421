"""How much of its core a process has used, as Linux counts it."""

from __future__ import annotations

import os
from pathlib import Path

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def parse_stat(line: str) -> int:
    """Return user and system time from a line of `/proc/<pid>/stat`, in clock ticks.

    They are fields 14 and 15 (proc(5)). The second field is the program's name in parentheses, and
    a name may itself hold spaces and parentheses, so counting starts behind the last one.
    """
    fields = line.rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


def cpu_seconds(pid: int) -> float:
    """Return the processor seconds that all threads of a process have used.

    Raises:
        OSError: there is no such process any more.
    """
    return parse_stat(Path(f"/proc/{pid}/stat").read_text(encoding="utf-8")) / TICKS_PER_SECOND


def parse_cpu_list(text: str) -> frozenset[int]:
    """Return the cores in a list as the kernel writes it: `0-2,8`."""
    found: set[int] = set()
    for part in text.strip().split(","):
        first, _, last = part.partition("-")
        found.update(range(int(first), int(last or first) + 1))
    return frozenset(found)


def choose_cores(available: set[int], siblings: frozenset[int]) -> tuple[int, int] | None:
    """Return a core for the server and another for the load, or None when there are not two.

    The server gets the first. `siblings` are the hyperthreads of that one: sharing its silicon
    with the load would slow it down, so the load goes elsewhere where there is an elsewhere.
    """
    server, *others = sorted(available)
    if not others:
        return None
    apart = [core for core in others if core not in siblings]
    return server, (apart or others)[0]


def cores_of_this_machine() -> tuple[int, int] | None:
    """Return the cores for the server and the load among those this process may use."""
    available = os.sched_getaffinity(0)
    topology = Path(f"/sys/devices/system/cpu/cpu{min(available)}/topology/thread_siblings_list")
    try:
        siblings = parse_cpu_list(topology.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        siblings = frozenset()  # some containers hide it
    return choose_cores(available, siblings)
