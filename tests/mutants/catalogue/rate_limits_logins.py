"""Layer 4, rate limits, where somebody guesses at accounts."""

from __future__ import annotations

from tests.mutants.mutant import Mutant

FOLDER = "app/layers/rate_limits"
DEVICES = "app/accounts/devices.py"
STUFFING = "tests/attacks/test_rate_limits_devices.py"
ACCOUNTS = "tests/layers/test_rate_limits_accounts.py"

MUTANTS = (
    Mutant(
        "rate_limits",
        "the login has no limit of its own",
        "app/accounts/endpoints.py",
        '@limiter.limit(setting("login"))\nasync def log_in(',
        "async def log_in(",
        first=STUFFING,
    ),
    Mutant(
        "rate_limits",
        "an account can be guessed at from many addresses",
        f"{FOLDER}/accounts.py",
        "    refuse_excess(await engine.hit(hits), event=Event.AUTHN_LOGIN_LOCK, "
        "name_hash=account)\n",
        "    await engine.hit(hits)\n",
        first=ACCOUNTS,
    ),
    Mutant(
        "rate_limits",
        "a login that fails is given back",
        f"{FOLDER}/accounts.py",
        "    except failure:\n        raise\n",
        "",
        first=ACCOUNTS,
    ),
    Mutant(
        "rate_limits",
        "another spelling of a name buys more guesses",
        f"{FOLDER}/accounts.py",
        'unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()',
        "name",
        first=ACCOUNTS,
    ),
    Mutant(
        "rate_limits",
        "whoever is known anywhere is known everywhere",
        DEVICES,
        'hmac.digest(secret, parts + email.encode("utf-8"), "sha256")',
        'hmac.digest(secret, parts, "sha256")',
        first=STUFFING,
    ),
    Mutant(
        "rate_limits",
        "a device token outlives the password",
        DEVICES,
        'f"{trust.password_hash} {moment}".encode()',
        'f"{moment}".encode()',
        first=STUFFING,
    ),
    Mutant(
        "rate_limits",
        "a device token outlives the logout everywhere",
        DEVICES,
        'moment = "" if forgotten is None else forgotten.isoformat()',
        "moment = str(forgotten)[:0]",
        first=STUFFING,
    ),
    Mutant(
        "rate_limits",
        "a device token is good for ever",
        DEVICES,
        "<= age < LIFETIME.total_seconds()",
        "<= age",
        first=STUFFING,
    ),
    Mutant(
        "rate_limits",
        "a stolen device token has no limit",
        f"{FOLDER}/accounts.py",
        "(account,) if device is None else (account, device)",
        "(account,) if device is None else (account, str(id(request)))",
        first=STUFFING,
    ),
)
