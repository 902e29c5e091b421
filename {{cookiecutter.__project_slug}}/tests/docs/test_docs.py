"""The docs: there when they are wanted, true, and made of our own files only."""

from __future__ import annotations

import hashlib
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from jsonschema_rs import Draft202012Validator

from app.docs.service import PAGE, STATIC, TITLE, About, matches, read_about
from app.layers.authorization import Authenticated, policies
from app.main import create_app
from dev.swagger_ui import FILES, FOLDER, LOCK
from tests.in_process import client_of, make_settings, running

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import httpx

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
async def client(tmp_path: Path) -> AsyncIterator[httpx.AsyncClient]:
    """Return a client of a service in development."""
    async with running(make_settings(tmp_path)) as app:
        yield client_of(app)


@pytest.fixture
def document(tmp_path: Path) -> Any:
    """Return the description of the API."""
    return json.loads(create_app(make_settings(tmp_path)).state.docs.document.content)


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("path", "media_type"),
    [
        ("/docs", "text/html; charset=utf-8"),
        ("/docs/page.js", "text/javascript; charset=utf-8"),
        ("/docs/page.css", "text/css; charset=utf-8"),
        ("/docs/swagger-ui-bundle.js", "text/javascript; charset=utf-8"),
        ("/docs/swagger-ui.css", "text/css; charset=utf-8"),
        ("/docs/favicon-32x32.png", "image/png"),
        ("/docs/LICENSE", "text/plain; charset=utf-8"),
        ("/openapi.json", "application/json"),
    ],
)
async def test_a_file_is_sent_once_and_then_confirmed(
    client: httpx.AsyncClient, method: str, path: str, media_type: str
) -> None:
    answer = await client.request(method, path)
    assert (answer.status_code, answer.headers["content-type"]) == (200, media_type)
    is_file = path.startswith("/docs/")
    assert answer.headers["cache-control"] == ("public, max-age=300" if is_file else "no-cache")
    assert ("script-src" in answer.headers["content-security-policy"]) is (path == "/docs")
    stored = {"If-None-Match": f'"another", W/{answer.headers["etag"]}'}
    confirmed = await client.request(method, path, headers=stored)
    assert (confirmed.status_code, confirmed.content) == (304, b"")
    for name in ("etag", "cache-control", "content-security-policy", "x-content-type-options"):
        assert confirmed.headers[name] == answer.headers[name]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "path",
    [
        "/docs/",
        "/docs/index.html",
        "/docs/swagger-ui/LICENSE",
        "/docs/../service.py",
        "/docs/..%2fservice.py",
        "/docs/..%5cservice.py",
        "/docs/%2e%2e%2fservice.py",
        "/docs/%252e%252e%252fservice.py",
        "/docs//etc/passwd",
        "/docs/page.js%00",
        "/docs/page.js/",
        "/docs/PAGE.JS",
        "/docs/oauth2-redirect.html",
        "/docs/swagger-ui-bundle.js.map",
    ],
)
async def test_what_is_no_file_of_the_page_is_not_there(
    client: httpx.AsyncClient, path: str
) -> None:
    answer = await client.get(path)
    assert answer.status_code in {400, 404}
    assert answer.headers["content-type"] == "application/problem+json"
    assert "script-src" not in answer.headers["content-security-policy"]
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.anyio
async def test_the_page_takes_no_instructions_from_its_address(client: httpx.AsyncClient) -> None:
    answer = await client.get("/docs?url=https://evil.example/openapi.json")
    assert answer.status_code == 422
    assert "evil" not in answer.text


@pytest.mark.parametrize(
    ("environment", "docs", "there"),
    [
        ("development", None, True),
        ("development", "false", False),
        ("production", None, False),
        ("production", "true", True),
    ],
)
def test_they_are_on_in_development_and_elsewhere_when_asked(
    tmp_path: Path, environment: str, docs: str | None, there: bool
) -> None:
    given = {"ENVIRONMENT": environment} | ({} if docs is None else {"DOCS": docs})
    assert make_settings(tmp_path, **given).serves_docs is there


@pytest.mark.anyio
async def test_switched_off_there_is_nothing_at_their_address(tmp_path: Path) -> None:
    async with running(make_settings(tmp_path, DOCS="false")) as app:
        for path in ("/docs", "/docs/page.js", "/openapi.json", "/redoc"):
            answer = await client_of(app).get(path)
            assert answer.status_code == 404
            assert answer.headers["content-type"] == "application/problem+json"


def test_an_operation_asks_for_a_token_exactly_if_its_access_type_does(
    document: Any, tmp_path: Path
) -> None:
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    asked = policies(create_app(make_settings(tmp_path, DOCS="false")))
    described = {
        f"{method.upper()} {path}": operation.get("security")
        for path, operations in document["paths"].items()
        for method, operation in operations.items()
    }
    assert described == {
        name: [{"bearer": []}] if isinstance(policy, Authenticated) else None
        for name, policy in asked.items()
    }
    assert described["GET /api/v1/accounts/me"]


def test_an_operation_is_summed_up_in_words(document: Any) -> None:
    paths = document["paths"]
    assert paths["/api/v1/accounts/login"]["post"]["summary"].startswith("Log in: ")
    assert paths["/healthz"]["get"]["summary"] == "Say whether the service runs"


RENDERED = """
[project]
name = "orders"
description = "Takes \\"orders\\" & more"
"""
UNRENDERED = """
[project]
name = "{{ somebody.project_name }}"
description = "{{ somebody.description }}"
"""


@pytest.mark.parametrize(
    ("project", "about"),
    [
        (RENDERED, About("orders", 'Takes "orders" & more')),
        ('[project]\nname = "orders"', About("orders")),
        (UNRENDERED, About("service")),
        ("[project]\nname = '</title><script>'", About("service")),
        ("[tool.ruff]", About("service")),
        ("[project]\nname = 1e3", About("service")),
        ("project = 1", About("service")),
        ("[project", About("service")),
        ("\udcff", About("service")),
        (None, About("service")),
    ],
    ids=[
        "whole",
        "name only",
        "unrendered",
        "markup",
        "no table",
        "number",
        "odd",
        "broken",
        "bytes",
        "none",
    ],
)
def test_the_api_is_called_as_the_project_is_and_else_as_the_service(
    tmp_path: Path, project: str | None, about: About
) -> None:
    path = tmp_path / "pyproject.toml"
    if project is not None:
        path.write_text(project, encoding="utf-8", errors="surrogateescape")
    assert read_about(path, "service") == about


@pytest.mark.anyio
async def test_the_page_and_the_description_have_the_projects_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "orders"\ndescription = "Takes orders."'
    )
    monkeypatch.setattr("app.docs.service.PROJECT", tmp_path / "pyproject.toml")
    async with running(make_settings(tmp_path)) as app:
        page = await client_of(app).get("/docs")
        described = (await client_of(app).get("/openapi.json")).json()["info"]
    assert "<title>orders</title>" in page.text
    assert described["title"] == "orders"
    assert described["description"].startswith("Takes orders.\n\nTo authorize: log in")
    assert "access_token" in described["description"]


def example_of(document: Any, schema: str) -> dict[str, Any]:
    """Return the body that the page fills in for this schema."""
    properties = document["components"]["schemas"][schema]["properties"]
    return {name: given["examples"][0] for name, given in properties.items()}


@pytest.mark.anyio
async def test_what_the_page_fills_in_is_accepted_as_it_stands(
    client: httpx.AsyncClient, document: Any
) -> None:
    accounts = "/api/v1/accounts"
    answer = await client.post(f"{accounts}/signup", json=example_of(document, "Signup"))
    assert answer.status_code == 201
    answer = await client.post(f"{accounts}/login", json=example_of(document, "Login"))
    assert answer.status_code == 200
    client.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
    change = example_of(document, "ProfileChange")
    answer = await client.patch(f"{accounts}/me", json=change)
    assert (answer.status_code, answer.json()["display_name"]) == (200, change["display_name"])


def test_every_error_is_described_as_the_problem_it_is(document: Any) -> None:
    responses = document["components"]["responses"]
    for operations in document["paths"].values():
        for operation in operations.values():
            errors = {
                status: told["$ref"].removeprefix("#/components/responses/")
                for status, told in operation["responses"].items()
                if not status.startswith("2")
            }
            assert errors.keys() >= {"400", "403", "422", "429", "500", "503"}
            for status, name in errors.items():
                ((kind, told),) = responses[name]["content"].items()
                assert kind == "application/problem+json"
                assert told["schema"]["properties"]["status"] == {"const": int(status)}
    assert "ValidationError" not in json.dumps(document)


def test_every_description_of_an_error_is_used_and_has_examples_that_fit(document: Any) -> None:
    used = re.findall(r'"#/components/responses/([^"]+)"', json.dumps(document))
    assert set(used) == set(document["components"]["responses"])
    problem = Draft202012Validator(document["components"]["schemas"]["Problem"])
    for response in document["components"]["responses"].values():
        told = response["content"]["application/problem+json"]
        own = Draft202012Validator({"properties": told["schema"]["properties"]})
        slugs = [f"urn:problem:{slug}" for slug in told["examples"]]
        assert slugs == told["schema"]["properties"]["type"]["enum"]
        for example in told["examples"].values():
            problem.validate(example["value"])
            own.validate(example["value"])


@pytest.mark.parametrize(
    ("operation", "statuses"),
    [
        ("POST /api/v1/accounts/signup", {"201", "409", "413"}),
        ("POST /api/v1/accounts/login", {"200", "401"}),
        ("POST /api/v1/accounts/change-password", {"200", "401", "403", "404", "409"}),
        ("GET /api/v1/accounts/me", {"200", "401", "404"}),
        ("GET /api/v1/admin/users", {"200", "401"}),
        ("GET /healthz", {"200"}),
    ],
)
def test_an_operation_has_the_statuses_of_its_policy_its_body_and_its_own(
    document: Any, operation: str, statuses: set[str]
) -> None:
    method, path = operation.split()
    told = set(document["paths"][path][method.lower()]["responses"])
    everywhere = {
        *("400", "403", "408", "413", "414", "415", "421", "422", "429", "431"),
        *("500", "502", "503", "504"),
    }
    assert told == everywhere | statuses


@pytest.mark.anyio
async def test_a_problem_is_what_the_description_says(
    client: httpx.AsyncClient, document: Any
) -> None:
    schema = document["components"]["schemas"]["Problem"]
    answer = await client.post("/api/v1/accounts/login", json={"password": 1})
    assert answer.status_code == 422
    assert set(answer.json()) == set(schema["properties"])
    Draft202012Validator(schema).validate(answer.json())
    finding = schema["properties"]["errors"]["items"]["properties"]
    assert set(answer.json()["errors"][0]) == set(finding)
    answer = await client.get("/nowhere")
    assert set(answer.json()) == set(schema["required"])


@pytest.mark.parametrize(
    ("given", "known"),
    [
        ([], False),
        (['"a"'], True),
        (['W/"a"'], True),
        (['"b", "a"'], True),
        (['"b"', '"a"'], True),
        (["*"], True),
        (['"b"'], False),
        (["a"], False),
        (['"A"'], False),
    ],
)
def test_a_stored_version_is_known_by_its_tag(given: list[str], known: bool) -> None:
    assert matches('"a"', given) is known


def test_the_page_is_made_of_files_of_ours_and_nothing_inline() -> None:
    page = (STATIC / PAGE).read_text("utf-8")
    assert page.count(TITLE.decode()) == 1
    for match in re.finditer(r'(?:src|href)="([^"]*)"', page):
        assert match[1] == "/openapi.json" or (
            match[1].removeprefix("/docs/") in {path.name for path in STATIC.rglob("*")}
        )
    assert re.search(r"<style|\bstyle=|\bon\w+=|<script[^>]*>[^<]|javascript:", page) is None


def test_swagger_uis_files_are_those_of_the_lock_and_no_others() -> None:
    # Whoever looks for a change in 1.7 MB on one line finds none: the hash does.
    lines = re.findall(r"^sha256:(\w+) (\S+)$", (ROOT / LOCK).read_text("utf-8"), re.MULTILINE)
    pinned = {name: digest for digest, name in lines}
    there = {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (ROOT / FOLDER).iterdir()
    }
    assert there == pinned
    assert set(there) == set(FILES)
