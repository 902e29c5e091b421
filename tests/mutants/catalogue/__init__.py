"""The mutants, one file a layer. Every layer has at least two, one of them `NOT_MOUNTED`."""

from __future__ import annotations

from tests.mutants.catalogue import (
    authentication,
    authorization,
    bots,
    cors,
    headers,
    https,
    logs,
    rate_limits,
    uploads,
    validation,
)

MUTANTS = (
    *https.MUTANTS,
    *headers.MUTANTS,
    *cors.MUTANTS,
    *rate_limits.MUTANTS,
    *bots.MUTANTS,
    *validation.MUTANTS,
    *authentication.MUTANTS,
    *authorization.MUTANTS,
    *uploads.MUTANTS,
    *logs.MUTANTS,
)
