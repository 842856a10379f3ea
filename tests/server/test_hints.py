"""Hints through HTTP: the tools of the request decide which are given, plain and streamed alike."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flyball.controllers.hinting import prefill

from .scripted_model import ANSWER, THINKING
from .serving import Served, folded, serving, tool

FILE = str(Path(__file__).with_name("tools_file.py"))
PREFILL = [{"name": "hint_infer", "rounds": 0, "prefill": True}]


@pytest.fixture(scope="module")
def tooled() -> Iterator[Served]:
    with serving(tools={"files": [FILE]}) as served:
        yield served


@pytest.mark.parametrize(
    ("fields", "hinted"),
    [
        ({"flyball": {"tools": ["python"], "fenced": "only"}}, True),
        ({"flyball": {"tools": ["python"]}}, True),
        ({"flyball": {}, "tools": [tool("python", "code")]}, True),
        ({"flyball": {"tools": ["sun"]}}, False),
        ({"flyball": {}}, False),
    ],
    ids=["run in the thinking", "the server's", "the client's", "another", "none"],
)
def test_a_hint_to_use_python_needs_a_python(tooled: Served, fields: dict[str, Any], hinted: bool) -> None:
    asked = fields | {"flyball": fields["flyball"] | {"controllers": PREFILL}}

    choice = tooled.chat(**asked)["choices"][0]
    streamed = folded(tooled.stream(**asked))[0]

    expected = f"{prefill.TEXT} So be it.\n" if hinted else f"{THINKING}\n"
    assert (choice["message"]["reasoning"], choice["message"]["content"]) == (expected, ANSWER)
    assert streamed["message"]["reasoning"] == expected
    assert streamed["message"]["content"] == ANSWER


def test_the_parameters_are_listed_with_their_schema(tooled: Served) -> None:
    listed = tooled.http.get("/v1/flyball/controllers").json()["controllers"]

    (described,) = [each for each in listed if each["name"] == "hint_infer"]
    assert {"rounds", "after_words", "prefill", "tedious", "trust", "calls"} <= set(
        described["parameters"]["properties"]
    )


def test_a_wrong_parameter_is_named(tooled: Served) -> None:
    error = tooled.error(flyball={"controllers": [{"name": "hint_infer", "trust": "sometimes"}]})

    assert error["param"] == "flyball.controllers.0.trust"
