"""The vocabulary of `event.action`, and how loud each event is.

Names that exist there are from the OWASP Logging Vocabulary; the service's own follow its form.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

Level = Literal["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]


class Event(StrEnum):
    """What happened. One member an action that somebody may want to count or be woken by."""

    AUTHN_LOGIN_SUCCESS = "authn_login_success"
    AUTHN_LOGIN_FAIL = "authn_login_fail"
    AUTHN_LOGIN_LOCK = "authn_login_lock"
    AUTHN_LOGOUT = "authn_logout"
    AUTHN_PASSWORD_CHANGE = "authn_password_change"  # noqa: S105 -- the name of an event
    AUTHN_PASSWORD_CHANGE_FAIL = "authn_password_change_fail"  # noqa: S105 -- the same
    AUTHN_TOKEN_INVALID = "authn_token_invalid"  # noqa: S105 -- the same
    AUTHN_TOKEN_REUSE = "authn_token_reuse"  # noqa: S105 -- the same
    AUTHZ_CHANGE = "authz_change"
    AUTHZ_FAIL = "authz_fail"
    BEHAVIOUR_DEGRADED = "behaviour_degraded"
    BEHAVIOUR_RESTORED = "behaviour_restored"
    BOTS_DEGRADED = "bots_degraded"
    BOTS_MONITORED = "bots_monitored"
    BOTS_RESTORED = "bots_restored"
    BOT_REFUSED = "bot_refused"
    BOT_SLOWED = "bot_slowed"
    CHANGES_UNPUBLISHED = "changes_unpublished"
    CHANGES_UNREADABLE = "changes_unreadable"
    EXCESS_RATE_LIMIT_EXCEEDED = "excess_rate_limit_exceeded"
    HOST_REFUSED = "host_refused"
    INPUT_VALIDATION_FAIL = "input_validation_fail"
    KEYS_CHANGED = "keys_changed"
    KEYS_RESTORED = "keys_restored"
    KEYS_UNAVAILABLE = "keys_unavailable"
    KEY_IGNORED = "key_ignored"
    ORIGIN_REFUSED = "origin_refused"
    PROXY_BYPASSED = "proxy_bypassed"
    RATE_LIMITS_DEGRADED = "rate_limits_degraded"
    RATE_LIMITS_LOCAL = "rate_limits_local"
    RATE_LIMITS_RESTORED = "rate_limits_restored"
    REQUEST = "request"
    SYS_CONFIGURATION_REFUSED = "sys_configuration_refused"
    SYS_CRASH = "sys_crash"
    SYS_NOT_READY = "sys_not_ready"
    SYS_SHUTDOWN = "sys_shutdown"
    SYS_STARTUP = "sys_startup"
    UNEXPECTED_ERROR = "unexpected_error"
    UPLOAD_COMPLETE = "upload_complete"
    UPLOAD_DELETE = "upload_delete"
    UPLOAD_STORED = "upload_stored"  # sample
    UPLOAD_VALIDATION = "upload_validation"
    USER_CREATED = "user_created"
    USER_DISABLED = "user_disabled"
    USER_ENABLED = "user_enabled"
    USER_UPDATED = "user_updated"


LEVELS: dict[Event, Level] = {
    Event.AUTHN_LOGIN_FAIL: "WARNING",
    Event.AUTHN_LOGIN_LOCK: "WARNING",
    Event.AUTHN_PASSWORD_CHANGE_FAIL: "WARNING",
    Event.AUTHN_TOKEN_INVALID: "WARNING",
    Event.AUTHN_TOKEN_REUSE: "CRITICAL",
    Event.AUTHZ_CHANGE: "WARNING",
    Event.AUTHZ_FAIL: "WARNING",
    Event.BEHAVIOUR_DEGRADED: "ERROR",
    Event.BEHAVIOUR_RESTORED: "WARNING",
    Event.BOTS_DEGRADED: "ERROR",
    Event.BOTS_MONITORED: "WARNING",
    Event.BOTS_RESTORED: "WARNING",
    Event.BOT_REFUSED: "WARNING",
    Event.BOT_SLOWED: "WARNING",
    Event.CHANGES_UNPUBLISHED: "ERROR",
    Event.CHANGES_UNREADABLE: "ERROR",
    Event.EXCESS_RATE_LIMIT_EXCEEDED: "WARNING",
    Event.HOST_REFUSED: "WARNING",
    Event.INPUT_VALIDATION_FAIL: "WARNING",
    Event.KEYS_CHANGED: "WARNING",
    Event.KEYS_RESTORED: "WARNING",
    Event.KEYS_UNAVAILABLE: "ERROR",
    Event.KEY_IGNORED: "WARNING",
    Event.ORIGIN_REFUSED: "WARNING",
    Event.PROXY_BYPASSED: "CRITICAL",
    Event.RATE_LIMITS_DEGRADED: "ERROR",
    Event.RATE_LIMITS_RESTORED: "WARNING",
    Event.SYS_CONFIGURATION_REFUSED: "CRITICAL",
    Event.SYS_CRASH: "CRITICAL",
    Event.SYS_NOT_READY: "ERROR",
    Event.UNEXPECTED_ERROR: "ERROR",
    Event.UPLOAD_VALIDATION: "WARNING",
    Event.USER_DISABLED: "WARNING",
    Event.USER_ENABLED: "WARNING",
}
"""Levels of the events that are not plain news; the others are INFO."""


def level_of(event: Event) -> Level:
    """Return how loud an event is unless its caller says otherwise."""
    return LEVELS.get(event, "INFO")
