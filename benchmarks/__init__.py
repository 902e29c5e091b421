"""What the ten layers cost: bare FastAPI, the usual FastAPI stack and ours, on the same answer.

`python -m benchmarks --python VENV/bin/python --project PROJECT` measures and writes
`build/bench.json`. The runner needs nothing but the standard library; what it measures runs in the
Python of a generated project, given by path.

How a figure comes about: each contestant is one uvicorn worker pinned to one core; the load (wrk)
and Redis have the other one. All of them are up at once and are loaded in turn, round after round,
so that a machine that slows down slows all of them. What counts is the median; the least and the
most stand beside it. A contestant is measured only after it proved that it gives the answer and
refuses what it should, and its figures count only when every request of the load was answered with
success, counted in Redis and logged.
"""

from __future__ import annotations


class BenchError(Exception):
    """Nothing can be measured, or what was measured can't be trusted. The message says why."""


SERVICE_NAME = "localhost"
"""What the whole service is called by its clients, in the siege and the storms."""
