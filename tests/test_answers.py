"""The four answers: what is accepted, and what is refused in one clear line."""

from __future__ import annotations

import json
import re

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from bake import ROOT
from tests.answers import (
    PRE_GEN,
    QUESTIONS,
    WINDOWS_DEVICES,
    accepted_text,
    hostile_text,
    questions_of,
    refusals,
)


def test_there_are_four_questions_and_each_is_asked_in_words() -> None:
    context = json.loads((ROOT / "cookiecutter.json").read_text(encoding="utf-8"))
    assert tuple(name for name in context if not name.startswith("_")) == QUESTIONS
    assert tuple(context["__prompts__"]) == QUESTIONS
    assert all(prompt.endswith(("?", ")")) for prompt in context["__prompts__"].values())


def test_the_defaults_are_accepted() -> None:
    assert refusals({}) == []


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        ("Hardened FastAPI Service", "hardened-fastapi-service"),
        ("  spaced   out ", "spaced-out"),
        ('O\'Brien & "Söhne" \\ GmbH', "o-brien-sohne-gmbh"),
        ("Žluťoučký kůň", "zlutoucky-kun"),
        ("日本 API", "ri-ben-api"),
        ("🚀 Launch", "launch"),
        ("snake_case.and.Dots", "snake-case-and-dots"),
        ("&amp; &#65; &#x41;", "amp-65-x41"),
        ("3D Printer", "service-3d-printer"),
        ("42", "service-42"),
        ("App", "app-service"),
        ("test", "test-service"),
        ("CON", "con-service"),
        ("lpt1", "lpt1-service"),
        ("../../etc/passwd", "etc-passwd"),
        ("C:\\Windows\\nul", "c-windows-nul"),
        ("x" * 80, "x" * 50),
        ("many words " * 7, "many-words-many-words-many-words-many-words-many-w"),
    ],
)
def test_a_name_gives_this_slug(name: str, slug: str) -> None:
    assert questions_of({"project_name": name})["__project_slug"] == slug


@given(st.one_of(hostile_text, st.text(min_size=1, max_size=80)))
@example("-")
@example("com1")
@example("\ud800 lone surrogate")
@settings(max_examples=300, deadline=None)
def test_whatever_name_is_accepted_its_slug_is_a_folder_and_a_distribution(name: str) -> None:
    assume(not any(mark in name for mark in PRE_GEN.TEMPLATE_MARKS))  # rendered, not derived from
    if refusals({"project_name": name}):
        return
    slug = questions_of({"project_name": name})["__project_slug"]
    assert re.fullmatch(r"[a-z](?:-?[a-z0-9])*", slug)
    assert len(slug) <= 63
    assert slug not in WINDOWS_DEVICES | {"app", "test", "tests", "dev", "edge"}


BAD = [
    ("project_name", "", '""'),
    ("project_name", " padded ", '" padded "'),
    ("project_name", "tab\there", '"tab\\x09here"'),
    ("project_name", "line\nfeed", '"line\\x0afeed"'),
    ("project_name", "esc\x1b[2Jape", '"esc\\x1b[2Jape"'),
    ("project_name", "right\u202eleft", '"right\\u202eleft"'),
    ("project_name", "two\u2028lines", '"two\\u2028lines"'),
    ("project_name", "!!!", '"!!!"'),
    ("project_name", "🚀", '"🚀"'),
    ("project_name", "n" * 81, '"' + "n" * 60 + '…"'),
    ("project_name", "{{ 7 * 7 }}", '"{{ 7 * 7 }}"'),
    ("description", "", '""'),
    (
        "description",
        "{% raw %}{{ cookiecutter }}{% endraw %}",
        '"{% raw %}{{ cookiecutter }}{% endraw %}"',
    ),
    ("description", "a {# comment #}", '"a {# comment #}"'),
    ("description", "d" * 301, '"' + "d" * 60 + '…"'),
    ("author_email", "", '""'),
    ("author_email", "nobody", '"nobody"'),
    ("author_email", "two@at@example.com", '"two@at@example.com"'),
    ("author_email", "a@b", '"a@b"'),
    ("author_email", "a..b@example.com", '"a..b@example.com"'),
    ("author_email", 'x"; touch canary; "@example.com', '"x\\"; touch canary; \\"@example.com"'),
    ("author_email", f"{'a' * 65}@example.com", f'"{"a" * 60}…"'),
    ("api_domain", "", '""'),
    ("api_domain", "localhost", '"localhost"'),
    ("api_domain", "https://api.example.com", '"https://api.example.com"'),
    ("api_domain", "api.example.com:8443", '"api.example.com:8443"'),
    ("api_domain", "api.example.com.", '"api.example.com."'),
    ("api_domain", "API.example.com", '"API.example.com"'),
    ("api_domain", "-api.example.com", '"-api.example.com"'),
    ("api_domain", "api_v1.example.com", '"api_v1.example.com"'),
    ("api_domain", "192.0.2.1", '"192.0.2.1"'),
    ("api_domain", "müller.example", '"müller.example"'),
    ("api_domain", "$(touch canary).example.com", '"$(touch canary).example.com"'),
    ("api_domain", f"{'a' * 64}.example.com", f'"{"a" * 60}…"'),
]


@pytest.mark.parametrize(("field", "value", "shown"), BAD)
def test_a_bad_answer_is_refused_in_one_line(field: str, value: str, shown: str) -> None:
    (line,) = refusals({field: value})
    assert line.startswith(f"{field}: {shown} is refused; allowed: ")
    assert len(line) < 300
    assert line.isprintable()


@pytest.mark.parametrize("value", [None, True, 7, ["a"], {"a": "b"}])
def test_an_answer_that_is_not_text_is_refused(value: object) -> None:
    answers = questions_of({}) | {"description": value}
    (line,) = PRE_GEN.problems(answers, {})
    assert line.startswith("description: ")
    assert "(not text)" in line


@pytest.mark.parametrize(
    "slug", ["", "../escape", "app", "Con", "con", "-x", "x-", "a" * 64, "ü", "a b"]
)
def test_a_slug_forced_upon_us_is_checked_too(slug: str) -> None:
    (line,) = PRE_GEN.problems(questions_of({}) | {"__project_slug": slug}, {})
    assert line.startswith(f'__project_slug: "{slug[:60]}')


def test_several_bad_answers_are_refused_together() -> None:
    lines = refusals({"project_name": "", "author_email": "x", "api_domain": "x"})
    assert [line.partition(":")[0] for line in lines] == [
        "project_name",
        "author_email",
        "api_domain",
    ]


@given(name=accepted_text, description=accepted_text)
@settings(max_examples=200, deadline=None)
def test_an_accepted_answer_is_a_fixed_point(name: str, description: str) -> None:
    # `cruft update` hands the stored answers to Cookiecutter, which renders them once more.
    once = questions_of({"project_name": name, "description": description})
    assert (once["project_name"], once["description"]) == (name, description)
    assert questions_of({question: once[question] for question in QUESTIONS}) == once


def test_no_variable_is_a_secret_or_random() -> None:
    # Such a value would be stored by replay and cruft, and change with every update.
    assert questions_of({}) == questions_of({})
    text = (ROOT / "cookiecutter.json").read_text(encoding="utf-8")
    assert not re.search(r"random|uuid|secret|password|token|\bnow\b", text, re.IGNORECASE)
