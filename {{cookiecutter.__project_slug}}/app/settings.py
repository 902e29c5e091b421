"""Composes the layers' settings, and reads them from the environment.

Names are nested with `__`: `RATE_LIMITS__PER_CLIENT=100/15minutes`. A secret may be given as a file
instead: `AUTHENTICATION__PRIVATE_KEY_FILE=/run/secrets/key`. A name that is nearly one of ours is
an error that names the nearest valid one; so is any unknown name in `.env`. Values never appear in
an error, since they may be secrets; only a network does, without its host bits.
"""

from __future__ import annotations

import difflib
import os
import stat
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from dotenv import dotenv_values
from pydantic import AfterValidator, BaseModel, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from app.database import DatabaseSettings
from app.layers import LayerSettings
from app.layers.authentication import AuthenticationSettings
from app.layers.bots import BotsSettings
from app.layers.cors import CorsSettings
from app.layers.headers import HeadersSettings
from app.layers.https import HttpsSettings
from app.layers.logs import LogsSettings
from app.layers.rate_limits import RateLimitsSettings
from app.layers.uploads import UploadsSettings
from app.layers.validation import ValidationSettings
from app.redis import RedisSettings

if TYPE_CHECKING:
    from pydantic_core import ErrorDetails

UNIX = "unix:"


def _checked_bind(bind: str) -> str:
    """Return what it is given.

    Raises:
        ValueError: it is neither `unix:` with a whole path nor `address:port`.
    """
    host, _, port = bind.rpartition(":")
    is_path = bind.startswith(f"{UNIX}/")
    if "," in bind or not (is_path or (host and port.isdecimal() and not bind.startswith(UNIX))):
        raise ValueError("it is one address:port, or unix:/path from the root")
    return bind


class ServerSettings(LayerSettings):
    """`SERVER__*`: the processes behind nginx."""

    bind: Annotated[str, AfterValidator(_checked_bind)] = "127.0.0.1:8000"
    """What gunicorn listens on, and only nginx may reach: `address:port`, or `unix:/path` with the
    word `unix` among HTTPS__TRUSTED_PROXIES."""
    workers: int = Field(default=2, ge=1, le=64)

    @property
    def has_unix_socket(self) -> bool:
        """Whether peers have no address."""
        return self.bind.startswith(UNIX)


class Settings(BaseSettings):
    """Everything that can be set. The defaults are the safe ones; production is one of them."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, hide_input_in_errors=True, validate_default=True
    )

    environment: Literal["development", "production"] = "production"
    docs: bool | None = None
    """Serve `/docs` and `/openapi.json`. They tell an attacker every door there is, so production
    has them only when asked; unset means in development."""
    server: ServerSettings = ServerSettings()
    database: DatabaseSettings = DatabaseSettings()
    redis: RedisSettings = RedisSettings()
    https: HttpsSettings = HttpsSettings()
    headers: HeadersSettings = HeadersSettings()
    cors: CorsSettings = CorsSettings()
    rate_limits: RateLimitsSettings = RateLimitsSettings()
    bots: BotsSettings = BotsSettings()
    validation: ValidationSettings = ValidationSettings()
    authentication: AuthenticationSettings = AuthenticationSettings()
    uploads: UploadsSettings = UploadsSettings()
    logs: LogsSettings = LogsSettings()

    @property
    def serves_docs(self) -> bool:
        """Whether `/docs` and `/openapi.json` are there."""
        return self.environment == "development" if self.docs is None else self.docs

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Only arguments: `load_settings` reads the environment, and says more when it is wrong."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)


class InvalidSettingsError(Exception):
    """The settings can't be used. The message has a line for each thing that is wrong."""


def setting_names(model: type[BaseModel] = Settings, prefix: str = "") -> dict[str, bool]:
    """Return every environment name that may be set, and whether it is a secret."""
    names: dict[str, bool] = {}
    for field, info in model.model_fields.items():
        name = f"{prefix}{field}".upper()
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names |= setting_names(kind, f"{name}__")
        else:
            names[name] = "SecretStr" in repr(kind)
    return names


def _read_secret(path: str, name: str, problems: list[str]) -> str | None:
    try:
        with Path(path).open(encoding="utf-8") as file:
            # Of the file that is read, not of its name: it can't be exchanged in between.
            is_open = bool(os.fstat(file.fileno()).st_mode & stat.S_IRWXO)
            content = file.read().rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        problems.append(f"{name}: the file can't be read ({type(error).__name__}): {path}")
        return None
    if is_open and name.endswith("PRIVATE_KEY_FILE"):
        problems.append(f"{name}: it is open to everybody on the machine; chmod o= {path}")
        return None
    return content


def _in_section_of_ours(name: str, known: list[str]) -> list[str]:
    """Return the valid names of the section that a foreign name was probably meant to be in."""
    section, nested, _ = name.partition("__")
    sections = sorted({item.partition("__")[0] for item in known if "__" in item})
    near = difflib.get_close_matches(section, sections, n=1, cutoff=0.8) if nested else []
    return [item for item in known if near and item.startswith(f"{near[0]}__")]


def _nearest(name: str, known: list[str]) -> str | None:
    """Return the valid name that a foreign one was probably meant to be.

    Long sections make all names in them alike. So what stands behind the section must be alike by
    itself, two thirds of it: a wrong hint is worse than none.
    """
    if (as_file := f"{name.removesuffix('_PATH')}_FILE") in known and as_file != name:
        return as_file
    close = difflib.get_close_matches(name, known, cutoff=0.85)
    candidates = [*close, *_in_section_of_ours(name, known)]
    nested = "__" in name
    ends = {item.rpartition("__")[2] if nested else item: item for item in reversed(candidates)}
    end = difflib.get_close_matches(name.rpartition("__")[2], ends, n=1, cutoff=2 / 3)
    return ends[end[0]] if end else None


def _collect(source: dict[str, str], *, closed: bool, problems: list[str]) -> dict[str, str]:
    """Return the settings among these variables; `closed` sources may hold nothing else."""
    secret = setting_names()
    known = [*secret, *(f"{name}_FILE" for name, is_secret in secret.items() if is_secret)]
    found: dict[str, str] = {}
    for given, value in source.items():
        name = given.upper()
        if name in secret:
            found[name] = value
        elif name in known:
            target = name.removesuffix("_FILE")
            if target in {item.upper() for item in source}:
                problems.append(f"{target}: set both directly and by {name}; keep one of them")
            elif (content := _read_secret(value, name, problems)) is not None:
                found[target] = content
        elif (near := _nearest(name, known)) is not None:
            problems.append(f"{given}: no such setting; did you mean {near}?")
        elif closed or _in_section_of_ours(name, known):
            problems.append(f"{given}: no such setting; see .env.example for those there are")
    return found


def _nest(flat: dict[str, str]) -> dict[str, Any]:
    nested: dict[str, Any] = {}
    for name, value in flat.items():
        *sections, last = name.lower().split("__")
        level = nested
        for section in sections:
            level = level.setdefault(section, {})
        level[last] = value
    return nested


def _ordinal(number: int) -> str:
    ending = {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}th" if number % 100 in {11, 12, 13} else f"{number}{ending}"


def _problem(item: ErrorDetails, flat: dict[str, str]) -> str:
    """Return what is wrong with a setting: its name, which of several values, and the rule.

    Behind the name, pydantic's path tells of its own types, which say nothing to a person.
    """
    path = [str(part).upper() for part in item["loc"]]
    paths = ["__".join(path[: count + 1]) for count in range(len(path))]
    name = next((path for path in paths if path in setting_names()), paths[0])
    places = [part for part in item["loc"] if isinstance(part, int)]
    has_several = bool(places) and "," in flat.get(name, "")
    which = f"the {_ordinal(places[0] + 1)}: " if has_several else ""
    return f"{name}: {which}{item['msg'].removeprefix('Value error, ')}"


def load_settings(
    environ: dict[str, str] | None = None, env_file: Path | None = Path(".env")
) -> Settings:
    """Read `.env`, then the environment over it.

    Raises:
        InvalidSettingsError: a name is unknown, a value breaks its rule or a file can't be read.
    """
    problems: list[str] = []
    flat: dict[str, str] = {}
    if env_file is not None and env_file.is_file():
        stored = {name: value or "" for name, value in dotenv_values(env_file).items()}
        flat |= _collect(stored, closed=True, problems=problems)
    variables = dict(os.environ) if environ is None else environ
    flat |= _collect(variables, closed=False, problems=problems)
    settings = None
    try:
        settings = Settings(**_nest(flat))
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        problems += dict.fromkeys(_problem(item, flat) for item in found)
    if settings is None or problems:
        raise InvalidSettingsError("\n".join(problems))
    return settings


def load_settings_or_exit() -> Settings:
    """Read the settings for a command: a person reads what is wrong with them, without a stack.

    Raises:
        SystemExit: with 1, when they can't be used and stderr says why.
    """
    try:
        return load_settings()
    except InvalidSettingsError as error:
        sys.stderr.write(f"{error}\n")
        sys.exit(1)


def secret_value(secret: SecretStr | None) -> str | None:
    """Return the text of a secret that may be unset."""
    return secret.get_secret_value() if secret is not None else None
