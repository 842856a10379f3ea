"""The OpenAPI document, and requests generated from it: no 5xx, and every answer is as documented."""

from __future__ import annotations

from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from jsonschema import Draft202012Validator
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from .serving import CHAT, COMPLETIONS, PATIENCE, Served, asking, tool

CHECKS = [not_a_server_error, content_type_conformance, response_schema_conformance, status_code_conformance]


@pytest.fixture(scope="module")
def document(served: Served) -> Any:
    """The document as schemathesis reads it."""
    return schemathesis.openapi.from_url(f"{served.url}/openapi.json")


def test_every_route_is_in_the_document_with_its_errors(served: Served) -> None:
    paths = served.http.get("/openapi.json").json()["paths"]

    assert {"/v1/flyball/tools", "/v1/flyball/tools/execute", "/v1/flyball/sessions/{id}", "/get_observation"} <= set(
        paths
    )
    assert "/v1/flyball/feedback" in paths
    assert {CHAT, COMPLETIONS, "/v1/models", "/v1/models/{model}", "/v1/flyball/controllers", "/health"} <= set(paths)
    for path in (CHAT, COMPLETIONS):
        responses = paths[path]["post"]["responses"]
        assert set(responses) == {"200", "400", "401", "404", "413", "429", "500", "502", "503", "default"}


def test_answers_are_as_the_document_says(served: Served) -> None:
    paths = served.http.get("/openapi.json").json()["paths"]

    for path, body in ((CHAT, asking("hello", logprobs=True)), (COMPLETIONS, {"model": "pocket", "prompt": "one"})):
        documented = paths[path]["post"]["responses"]["200"]["content"]["application/json"]["schema"]
        Draft202012Validator(documented).validate(served.post(path, body).json())


def test_events_are_as_the_document_says(served: Served) -> None:
    paths = served.http.get("/openapi.json").json()["paths"]

    for path, body in ((CHAT, asking("weather", tools=[tool()])), (COMPLETIONS, {"model": "pocket", "prompt": "one"})):
        content = paths[path]["post"]["responses"]["200"]["content"]["text/event-stream"]
        chunk, *_ = content["itemSchema"]["properties"]["data"]["anyOf"]
        for event in served.events(path, body | {"stream": True, "stream_options": {"include_usage": True}}):
            Draft202012Validator(chunk["contentSchema"]).validate(event)


@pytest.mark.parametrize(
    ("method", "path", "mode", "examples"),
    [
        ("POST", CHAT, GenerationMode.POSITIVE, 80),
        ("POST", CHAT, GenerationMode.NEGATIVE, 80),
        ("POST", COMPLETIONS, GenerationMode.POSITIVE, 80),
        ("POST", COMPLETIONS, GenerationMode.NEGATIVE, 80),
        ("GET", "/v1/models/{model}", GenerationMode.POSITIVE, 20),
        ("GET", "/v1/models", GenerationMode.POSITIVE, 3),
        ("POST", "/v1/flyball/tools/execute", GenerationMode.POSITIVE, 40),
        ("POST", "/v1/flyball/tools/execute", GenerationMode.NEGATIVE, 40),
        ("POST", "/get_observation", GenerationMode.POSITIVE, 40),
        ("POST", "/get_observation", GenerationMode.NEGATIVE, 40),
        ("POST", "/v1/flyball/feedback", GenerationMode.POSITIVE, 40),
        ("POST", "/v1/flyball/feedback", GenerationMode.NEGATIVE, 40),
        ("GET", "/v1/flyball/tools", GenerationMode.POSITIVE, 20),
        ("DELETE", "/v1/flyball/sessions/{id}", GenerationMode.POSITIVE, 20),
        ("GET", "/v1/flyball/controllers", GenerationMode.POSITIVE, 3),
        ("GET", "/health", GenerationMode.POSITIVE, 3),
        ("GET", "/metrics", GenerationMode.POSITIVE, 3),
    ],
)
def test_no_generated_request_breaks_the_server_or_the_document(
    document: Any, method: str, path: str, mode: GenerationMode, examples: int
) -> None:
    """A generated model would nearly always be an unknown one, so it is replaced where it is a text."""

    @settings(
        max_examples=examples,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=document[path][method].as_strategy(generation_mode=mode))
    def check(case: Any) -> None:
        if isinstance(case.body, dict) and isinstance(case.body.get("model"), str):
            case.body["model"] = "pocket"
        seen.append(case.call_and_validate(checks=CHECKS, timeout=PATIENCE).status_code)

    seen: list[int] = []
    check()

    assert set(seen) & ({200, 404} if mode is GenerationMode.POSITIVE else {400})
