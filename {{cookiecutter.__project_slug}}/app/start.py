"""Builds the service without starting it, and says what would keep it from starting.

`python -m app.start` prints the reasons, a line each, and exits with 1 if there are any. gunicorn
asks before it starts a worker, `make run` before it starts anything.
"""

from __future__ import annotations

import sys

from app.checks import UnsafeConfigurationError
from app.layers.authentication import BadCertificatesError, open_authentication
from app.layers.authentication.keys import WeakKeyError
from app.layers.authorization import MissingPolicyError
from app.layers.validation import LaxRouteError
from app.main import create_app
from app.settings import InvalidSettingsError, Settings, load_settings

REFUSALS = (
    InvalidSettingsError,
    UnsafeConfigurationError,
    WeakKeyError,
    BadCertificatesError,
    LaxRouteError,
    MissingPolicyError,
)
"""What stops the start on purpose. The messages are whole sentences, so nobody needs the stack."""

KEY_HINT = "; AUTHENTICATION__PRIVATE_KEY_FILE names its file (python -m app.keys new FILE)"


def refusals(settings: Settings | None = None) -> list[str]:
    """Return why the service would not start, a reason each; nothing if it would."""
    try:
        settings = settings if settings is not None else load_settings()
        create_app(settings)
        open_authentication(settings.authentication)
    except REFUSALS as error:
        hint = KEY_HINT if isinstance(error, WeakKeyError) else ""
        return f"{error}{hint}".splitlines()
    return []


def main() -> int:
    """Print the reasons; 1 if there are any."""
    found = refusals()
    sys.stderr.writelines(f"{reason}\n" for reason in found)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
