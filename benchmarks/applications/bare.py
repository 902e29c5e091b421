"""Contestant 1, bare FastAPI: the ceiling. One endpoint, no middleware, nothing defended."""

from __future__ import annotations

from fastapi import FastAPI

from benchmarks.applications.answer import ANSWER, Answer

app = FastAPI()


@app.get("/answer")
async def read_answer() -> Answer:
    """Give the answer to anyone."""
    return ANSWER
