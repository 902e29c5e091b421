"""Sessions on both databases: what ends them all, what they are good for, and logins under way."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import anyio
import jwt
import pytest
from pwdlib.hashers.argon2 import Argon2Hasher
from sqlalchemy import func, select, text, update

from app.accounts import operators, service
from app.accounts.models import Session, User
from app.accounts.sessions import begin_session, end_sessions
from app.layers.authentication import Passwords
from tests.in_process import PASSWORD, client_of, empty, make_settings, running, sign_up

if TYPE_CHECKING:
    import uuid
    from collections.abc import AsyncIterator, Awaitable, Callable

    import httpx
    from fastapi import FastAPI
    from sqlalchemy.ext.asyncio import AsyncSession

pytestmark = pytest.mark.anyio

ACCOUNTS = "/api/v1/accounts"
ANN = "ann@example.com"
GIVEN = {"email": ANN, "password": PASSWORD}
NEW = "Another-horse-8"
CHANGE = {"current_password": PASSWORD, "new_password": NEW}


@pytest.fixture(scope="module")
async def shared(
    tmp_path_factory: pytest.TempPathFactory, database_url: str
) -> AsyncIterator[FastAPI]:
    folder = tmp_path_factory.mktemp("service")
    # The limit of an account outlives the emptied database; `ann` logs in often here.
    limits = {"RATE_LIMITS__FAILED_LOGINS": "1000/minute", "RATE_LIMITS__LOGIN": "1000/minute"}
    async with running(make_settings(folder, DATABASE__URL=database_url, **limits)) as app:
        yield app


@pytest.fixture
async def app(shared: FastAPI) -> FastAPI:
    await empty(shared)
    return shared


@pytest.fixture
async def client(app: FastAPI) -> httpx.AsyncClient:
    return client_of(app)


async def log_in(app: FastAPI, **changes: str) -> dict[str, Any]:
    """Log in from another client; return its tokens."""
    answer = await client_of(app).post(f"{ACCOUNTS}/login", json=GIVEN | changes)
    tokens: dict[str, Any] = answer.raise_for_status().json()
    return tokens


async def works(app: FastAPI, tokens: dict[str, Any]) -> tuple[bool, bool]:
    """Whether the access token and the refresh token are still good for something."""
    client = client_of(app, Authorization=f"Bearer {tokens['access_token']}")
    me = await client.get(f"{ACCOUNTS}/me")
    given = {"refresh_token": tokens["refresh_token"]}
    refreshed = await client.post(f"{ACCOUNTS}/refresh", json=given)
    return me.status_code == 200, refreshed.status_code == 200


async def living_sessions(app: FastAPI) -> int:
    async with app.state.database.engine.connect() as connection:
        query = select(func.count()).select_from(Session).where(Session.revoked_at.is_(None))
        return int(await connection.scalar(query))


async def as_operator(
    app: FastAPI, work: Callable[[AsyncSession, str], Awaitable[uuid.UUID | None]]
) -> None:
    async with app.state.database.sessions() as database:
        assert await work(database, ANN) is not None


def while_verifying(monkeypatch: pytest.MonkeyPatch, work: Callable[[], Awaitable[object]]) -> None:
    """Let this happen once, after a login has read the account and while its password is hashed."""
    verify = Passwords.verify

    async def verify_late(self: Passwords, password: str, stored: str | None) -> bool:
        monkeypatch.setattr(Passwords, "verify", verify)
        matches = await verify(self, password, stored)
        await work()
        return matches

    monkeypatch.setattr(Passwords, "verify", verify_late)


async def test_logging_out_everywhere_ends_every_session_of_the_user_and_no_other(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    others = await sign_up(client_of(app), "bob@example.com")
    mine = [await sign_up(client, ANN), await log_in(app), await log_in(app)]
    assert (await client.post(f"{ACCOUNTS}/logout-everywhere")).status_code == 204
    assert [await works(app, tokens) for tokens in mine] == [(False, False)] * 3
    assert await works(app, others) == (True, True)
    assert await works(app, await log_in(app)) == (True, True)


async def test_changing_the_password_ends_every_session_and_begins_one(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    others = await sign_up(client_of(app), "bob@example.com")
    mine = [await sign_up(client, ANN), await log_in(app)]
    answer = await client.post(f"{ACCOUNTS}/change-password", json=CHANGE)
    assert answer.status_code == 200
    assert await works(app, answer.json()) == (True, True)
    # This session too: whoever stole its refresh token could not be told from its owner.
    assert [await works(app, tokens) for tokens in mine] == [(False, False)] * 2
    assert await works(app, others) == (True, True)
    assert (await client.post(f"{ACCOUNTS}/login", json=GIVEN)).status_code == 401
    assert await works(app, await log_in(app, password=NEW)) == (True, True)


async def test_a_changed_password_leaves_the_scope_as_it_was(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    await sign_up(client, ANN)
    narrow = await log_in(app, scope="account")
    client.headers["Authorization"] = f"Bearer {narrow['access_token']}"
    answer = await client.post(f"{ACCOUNTS}/change-password", json=CHANGE)
    assert answer.json()["scope"] == "account"


async def test_a_wrong_current_password_changes_nothing(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    tokens = await sign_up(client, ANN)
    wrong = CHANGE | {"current_password": "Wrong-horse-7"}
    answer = await client.post(f"{ACCOUNTS}/change-password", json=wrong)
    assert answer.status_code == 403
    assert answer.json()["type"] == "urn:problem:wrong-password"
    assert await works(app, tokens) == (True, True)
    assert await works(app, await log_in(app)) == (True, True)


@pytest.mark.parametrize(
    "change",
    [
        {"new_password": NEW},
        {"current_password": PASSWORD},
        {**CHANGE, "new_password": "too-weak"},
        {**CHANGE, "email": "eve@example.com"},
    ],
    ids=["no-proof", "no-new-one", "weak", "something-else"],
)
async def test_a_change_that_is_not_complete_or_too_much_is_refused(
    client: httpx.AsyncClient, change: dict[str, str]
) -> None:
    await sign_up(client, ANN)
    answer = await client.post(f"{ACCOUNTS}/change-password", json=change)
    assert answer.status_code == 422


async def test_of_two_changes_at_once_one_counts(app: FastAPI, client: httpx.AsyncClient) -> None:
    await sign_up(client, ANN)
    statuses: list[int] = []

    async def change(number: int) -> None:
        wanted = CHANGE | {"new_password": f"Another-horse-{number}"}
        answer = await client.post(f"{ACCOUNTS}/change-password", json=wanted)
        statuses.append(answer.status_code)

    async with anyio.create_task_group() as tasks:
        for number in range(4):
            tasks.start_soon(change, number)
    # 401: the session was over before it came to that; 403: the password was another one by then.
    assert statuses.count(200) == 1
    assert set(statuses) <= {200, 401, 403, 409}
    assert await living_sessions(app) == 1


async def test_a_user_who_is_disabled_while_logging_in_has_no_session_afterwards(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_up(client, ANN)
    while_verifying(monkeypatch, lambda: as_operator(app, operators.disable))
    assert (await client.post(f"{ACCOUNTS}/login", json=GIVEN)).status_code == 401
    await as_operator(app, operators.enable)
    assert await living_sessions(app) == 0, "it would live on once the user is enabled"
    assert await works(app, await log_in(app)) == (True, True)


async def test_a_password_that_is_changed_during_a_login_with_it_opens_nothing(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_up(client, ANN)

    async def change() -> None:
        answer = await client.post(f"{ACCOUNTS}/change-password", json=CHANGE)
        assert answer.status_code == 200

    while_verifying(monkeypatch, change)
    login = await client_of(app).post(f"{ACCOUNTS}/login", json=GIVEN)
    assert login.status_code == 401
    assert await living_sessions(app) == 1, "only the one that the change began"


async def test_a_user_who_is_disabled_while_changing_the_password_has_no_session_afterwards(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_up(client, ANN)
    while_verifying(monkeypatch, lambda: as_operator(app, operators.disable))
    assert (await client.post(f"{ACCOUNTS}/change-password", json=CHANGE)).status_code == 409
    await as_operator(app, operators.enable)
    assert await living_sessions(app) == 0
    assert await works(app, await log_in(app)) == (True, True), "the password is the old one"


async def test_a_login_waits_for_whoever_is_ending_the_users_sessions(
    app: FastAPI, client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It meets an account that is disabled already, in a transaction that is not over yet."""
    await sign_up(client, ANN)
    ended, go_on, inserting = anyio.Event(), anyio.Event(), anyio.Event()
    statuses: list[int] = []

    async def end_and_wait(database: AsyncSession, user_id: uuid.UUID) -> None:
        await end_sessions(database, user_id)
        ended.set()
        await go_on.wait()

    async def begin_late(*arguments: Any) -> Any:
        inserting.set()
        return await begin_session(*arguments)

    async def log_in_meanwhile() -> None:
        answer = await client_of(app).post(f"{ACCOUNTS}/login", json=GIVEN)
        statuses.append(answer.status_code)

    while_verifying(monkeypatch, ended.wait)  # it was not disabled yet when the login read of it
    monkeypatch.setattr(operators, "end_sessions", end_and_wait)
    monkeypatch.setattr(service, "begin_session", begin_late)
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(log_in_meanwhile)
        tasks.start_soon(as_operator, app, operators.disable)
        await inserting.wait()
        while not (statuses or await somebody_waits(app)):
            await anyio.lowlevel.checkpoint()
        assert statuses == [], "a session began behind the back of whoever ends them"
        go_on.set()
    assert statuses == [401]
    await as_operator(app, operators.enable)
    assert await living_sessions(app) == 0


async def test_a_login_that_is_about_to_commit_is_among_the_sessions_that_end(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    await sign_up(client, ANN)
    settings = app.state.authentication.settings
    ended = anyio.Event()

    async def end_all() -> None:
        await as_operator(app, operators.log_out)
        ended.set()

    async with anyio.create_task_group() as tasks, app.state.database.sessions() as database:
        user_id = await database.scalar(select(User.id))
        await database.commit()
        await begin_session(database, settings, user_id, None)
        await database.scalar(select(User.id).with_for_update(read=True))
        tasks.start_soon(end_all)
        while not (ended.is_set() or await somebody_waits(app)):
            await anyio.lowlevel.checkpoint()
        await database.commit()
    assert await living_sessions(app) == 0


async def somebody_waits(app: FastAPI) -> bool:
    """Whether a statement waits for a lock, as far as the database tells: SQLite does not."""
    engine = app.state.database.engine
    if engine.dialect.name == "sqlite":
        return True
    async with engine.connect() as connection:
        waiting = await connection.scalar(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
    return bool(waiting)


async def test_logins_and_disabling_at_once_leave_no_living_session(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    """Whatever the order in which their transactions meet."""
    await sign_up(client, ANN)
    statuses: set[int] = set()

    async def log_in_again() -> None:
        answer = await client_of(app).post(f"{ACCOUNTS}/login", json=GIVEN)
        statuses.add(answer.status_code)

    async def disable_soon(began: int) -> None:
        while await living_sessions(app) < began:
            await anyio.lowlevel.checkpoint()
        await as_operator(app, operators.disable)

    for _ in range(3):
        async with anyio.create_task_group() as tasks:
            for _ in range(8):
                tasks.start_soon(log_in_again)
            tasks.start_soon(disable_soon, 2)
        assert await living_sessions(app) == 0
        await as_operator(app, operators.enable)
    assert statuses == {200, 401}


async def test_an_outdated_hash_is_renewed_by_a_login(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    await sign_up(client, ANN)
    old = Argon2Hasher(time_cost=1, memory_cost=8_192, parallelism=1).hash(PASSWORD)
    async with app.state.database.engine.begin() as connection:
        await connection.execute(update(User).values(password_hash=old))
    wrong = await client.post(f"{ACCOUNTS}/login", json=GIVEN | {"password": "Wrong-horse-7"})
    assert wrong.status_code == 401
    assert await stored_hash(app) == old
    statuses: list[int] = []

    async def log_in_again() -> None:
        answer = await client_of(app).post(f"{ACCOUNTS}/login", json=GIVEN)
        statuses.append(answer.status_code)

    async with anyio.create_task_group() as tasks:  # each must get in, whoever renews it first
        for _ in range(6):
            tasks.start_soon(log_in_again)
    assert statuses == [200] * 6
    renewed = await stored_hash(app)
    assert renewed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await log_in(app)
    assert await stored_hash(app) == renewed, "a hash of today is left alone"


async def stored_hash(app: FastAPI) -> str:
    async with app.state.database.engine.connect() as connection:
        return str(await connection.scalar(select(User.password_hash)))


async def test_a_session_is_good_for_all_there_is_or_for_what_was_asked(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    everything = await sign_up(client, ANN)
    assert {"account", "admin"} <= set(everything["scope"].split(" "))
    narrow = await log_in(app, scope="admin")
    for tokens in (everything, narrow):
        claims = jwt.decode(tokens["access_token"], options={"verify_signature": False})
        assert claims["scope"] == tokens["scope"]
    assert narrow["scope"] == "admin"
    client.headers["Authorization"] = f"Bearer {narrow['access_token']}"
    assert (await client.get(f"{ACCOUNTS}/me")).status_code == 403
    for path in ("change-password", "logout-everywhere"):
        answer = await client.post(f"{ACCOUNTS}/{path}", json=CHANGE)
        assert answer.status_code == 403
    # A role is not to be had by asking for the scope of its name.
    assert (await client.get("/api/v1/admin/users")).status_code == 403
    assert (await client.post(f"{ACCOUNTS}/logout")).status_code == 204


@pytest.mark.parametrize("email", [ANN, "nobody@example.com"])
@pytest.mark.parametrize("scope", ["accounts", "account everything", "Account", "account\u00a0"])
async def test_a_scope_that_there_is_not_is_refused_whoever_asks(
    client: httpx.AsyncClient, email: str, scope: str
) -> None:
    await sign_up(client, ANN)
    asked = {"email": email, "password": "Wrong-horse-7", "scope": scope}
    answer = await client.post(f"{ACCOUNTS}/login", json=asked)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "body.scope"


async def test_a_scope_that_the_service_gave_up_is_no_longer_given(
    app: FastAPI, client: httpx.AsyncClient
) -> None:
    await sign_up(client, ANN)
    async with app.state.database.engine.begin() as connection:
        await connection.execute(update(Session).values(scope="account gone"))
    tokens = await log_in(app, scope="account")
    async with app.state.database.engine.begin() as connection:
        await connection.execute(update(Session).values(scope="account gone"))
    given = {"refresh_token": tokens["refresh_token"]}
    answer = await client.post(f"{ACCOUNTS}/refresh", json=given)
    assert answer.json()["scope"] == "account"


async def test_guesses_at_the_current_password_count_as_logins_of_the_account(
    tmp_path_factory: pytest.TempPathFactory, own_database_url: str
) -> None:
    """From however many addresses: whoever stole an access token has no more tries than others."""
    settings = make_settings(
        tmp_path_factory.mktemp("service"),
        DATABASE__URL=own_database_url,
        RATE_LIMITS__FAILED_LOGINS="3/15minutes",
        SERVER__WORKERS="1",  # without Redis each counts its share
    )
    async with running(settings) as app:
        tokens = await sign_up(client_of(app), ANN)
        bearer = {"Authorization": f"Bearer {tokens['access_token']}"}
        statuses = []
        for current in ("Wrong-horse-1", "Wrong-horse-2", "Wrong-horse-3", PASSWORD):
            change = CHANGE | {"current_password": current}
            answer = await client_of(app, **bearer).post(f"{ACCOUNTS}/change-password", json=change)
            statuses.append(answer.status_code)
        assert statuses == [403, 403, 403, 429]
        login = await client_of(app).post(f"{ACCOUNTS}/login", json=GIVEN)
        assert login.status_code == 429


async def test_the_login_gives_up_where_the_account_changes_all_the_time(
    client: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sign_up(client, ANN)
    tried = []

    async def never(*_arguments: Any) -> None:
        tried.append(1)

    monkeypatch.setattr(service, "begin_unless_changed", never)
    assert (await client.post(f"{ACCOUNTS}/login", json=GIVEN)).status_code == 401
    assert len(tried) == 2
