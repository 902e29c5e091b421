"""The mutants, a file or several for each layer.

Every layer has at least two, one of them `NOT_MOUNTED`.
"""

from __future__ import annotations

from tests.mutants.catalogue import (
    authentication,
    authentication_keys,
    authentication_passwords,
    authentication_sessions,
    authorization,
    bots,
    cors,
    headers,
    https,
    https_edge,
    logs,
    rate_limits,
    uploads,
    validation,
)

MUTANTS = (
    *https.MUTANTS,
    *https_edge.MUTANTS,
    *headers.MUTANTS,
    *cors.MUTANTS,
    *rate_limits.MUTANTS,
    *bots.MUTANTS,
    *validation.MUTANTS,
    *authentication.MUTANTS,
    *authentication_keys.MUTANTS,
    *authentication_passwords.MUTANTS,
    *authentication_sessions.MUTANTS,
    *authorization.MUTANTS,
    *uploads.MUTANTS,
    *logs.MUTANTS,
)
