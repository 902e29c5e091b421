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
    bots_behaviour,
    cors,
    headers,
    https,
    https_edge,
    logs,
    rate_limits,
    rate_limits_logins,
    uploads,
    validation,
)

MUTANTS = (
    *https.MUTANTS,
    *https_edge.MUTANTS,
    *headers.MUTANTS,
    *cors.MUTANTS,
    *rate_limits.MUTANTS,
    *rate_limits_logins.MUTANTS,
    *bots.MUTANTS,
    *bots_behaviour.MUTANTS,
    *validation.MUTANTS,
    *authentication.MUTANTS,
    *authentication_keys.MUTANTS,
    *authentication_passwords.MUTANTS,
    *authentication_sessions.MUTANTS,
    *authorization.MUTANTS,
    *uploads.MUTANTS,
    *logs.MUTANTS,
)
