"""Calls in batches, for programs: ours, and those of verl-tool's trainers."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from .serving import PATIENCE, Served, serving
from .test_server_tools import FILE

EXECUTE = "/v1/flyball/tools/execute"
WAITING = {"tool": "waits", "arguments": {"city": "x"}}


@pytest.fixture(scope="module")
def tooled() -> Iterator[Served]:
    with serving(tools={"files": [FILE], "max_queued_calls": 50}) as served:
        yield served


def results(served: Served, *calls: dict[str, Any]) -> list[dict[str, Any]]:
    response = served.post(EXECUTE, {"calls": list(calls)})
    assert response.status_code == 200, response.text
    found: list[dict[str, Any]] = response.json()["results"]
    return found


def test_every_call_has_its_result_and_status_in_its_place(tooled: Served) -> None:
    answered = results(
        tooled,
        {"id": "a", "tool": "sun", "arguments": {"city": "Oslo"}},
        {"id": "b", "tool": "sum"},
        {"id": "c", "tool": "sun", "arguments": '{"town": 1}'},
        {"id": "d", "tool": "fails", "arguments": {"city": "Oslo"}},
        {"id": "e", "tool": "waits", "arguments": {"city": "Oslo"}, "timeout_s": 0.05},
    )

    assert [each["id"] for each in answered] == ["a", "b", "c", "d", "e"]
    assert [each["status"] for each in answered] == ["ok", "user_error", "user_error", "infra", "timeout"]
    assert answered[0]["text"] == "sun in Oslo"
    assert "Did you mean sun" in answered[1]["text"]
    assert "Oslo" not in answered[3]["text"]


def test_a_repeated_call_of_a_program_is_answered_without_a_note(tooled: Served) -> None:
    call = {"tool": "sun", "arguments": {"city": "Oslo"}, "session": "s"}
    texts = {each["text"] for each in [*results(tooled, call, call), *results(tooled, call)]}

    assert texts == {"sun in Oslo"}


def test_a_picture_comes_as_base64() -> None:
    code = "from matplotlib import pyplot\npyplot.plot([1, 2])\npyplot.show()"
    with serving(tools={"python": {"preload": ["matplotlib.pyplot"]}}) as served:
        (result,) = results(served, {"tool": "python", "arguments": {"code": code}})

    assert result["status"] == "ok"
    (image,) = result["images"]
    assert image["media_type"] == "image/png"
    assert image["data"].startswith("iVBORw0KGgo")


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"calls": []},
        {"calls": [{"tool": "sun", "args": {}}]},
        {"calls": [{"tool": "sun", "session": ""}]},
        {"calls": [{"tool": "sun", "timeout_s": 0}]},
        {"calls": [{"tool": "sun"}] * 51},
    ],
)
def test_a_batch_that_cannot_be_run_is_refused_whole(tooled: Served, body: dict[str, Any]) -> None:
    response = tooled.post(EXECUTE, body)

    assert response.status_code == 400
    assert response.json()["error"]["param"].startswith("calls")


def test_text_that_is_no_unicode_is_refused(tooled: Served) -> None:
    body = json.dumps({"calls": [{"tool": "sun", "arguments": {"city": "\ud800"}}]})
    response = tooled.http.post(EXECUTE, content=body, headers={"content-type": "application/json"})

    assert response.status_code == 400


@contextmanager
def sent(served: Served, *calls: dict[str, Any]) -> Iterator[None]:
    """A batch that was sent, by a client that leaves at the end without having read an answer."""
    body = json.dumps({"calls": calls})
    head = (
        f"POST {EXECUTE} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    with socket.create_connection(served.address, PATIENCE) as connection:
        connection.sendall(f"{head}{body}".encode())
        yield


def test_calls_beyond_what_the_server_takes_are_refused_until_there_is_room(tooled: Served) -> None:
    executor = tooled.service.toolbox.executor
    sun = {"tool": "sun", "arguments": {"city": "x"}}
    with sent(tooled, *[WAITING] * 30):
        tooled.until(lambda: executor.taken == 30)
        refused = tooled.post(EXECUTE, {"calls": [sun] * 30})
    tooled.until(lambda: executor.taken == 0)

    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "rate_limit_exceeded"
    assert {each["status"] for each in results(tooled, *[sun] * 30)} == {"ok"}


def test_where_all_sessions_are_in_use_a_call_fails_without_being_blamed(tmp_path: Path) -> None:
    own = tmp_path / "copied.py"  # a second module: the other server's goes on as it is
    own.write_text(Path(FILE).read_text())
    with serving(tools={"files": [str(own)], "max_sessions": 1}) as served:
        waiting = WAITING | {"session": "a", "timeout_s": 0.5}
        sun = {"tool": "sun", "arguments": {"city": "Oslo"}, "session": "b"}
        first, second = results(served, waiting, sun)

    assert (first["status"], second["status"]) == ("timeout", "infra")
    assert "in use" in second["text"]


def test_a_client_that_leaves_cancels_its_calls(tooled: Served) -> None:
    module = next(module for name, module in sys.modules.items() if name.startswith("flyball_tools_tools_file"))
    tooled.call(module.BEGUN.clear)
    tooled.call(module.CANCELLED.clear)
    with sent(tooled, WAITING):
        tooled.run(module.BEGUN.wait())
    tooled.run(module.CANCELLED.wait())
    tooled.until(lambda: tooled.service.toolbox.executor.taken == 0)


def test_keys_are_asked_for() -> None:
    with serving(server={"api_keys": ["sk-one"]}) as served:
        assert served.post(EXECUTE, {"calls": [{"tool": "search"}]}).status_code == 401
        assert served.post("/get_observation", {"trajectory_ids": [], "actions": []}).status_code == 401
        assert served.http.get("/v1/flyball/tools").status_code == 401


def test_a_server_that_is_about_to_stop_runs_no_calls(tooled: Served) -> None:
    tooled.service.admission.draining = True
    try:
        assert tooled.post(EXECUTE, {"calls": [{"tool": "sun"}]}).status_code == 503
    finally:
        tooled.service.admission.draining = False


# -- verl-tool ---------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def sandboxed() -> Iterator[Served]:
    with serving(tools={"python": {"preload": []}}) as served:
        yield served


def observed(served: Served, actions: dict[str, str], **more: Any) -> dict[str, list[Any]]:
    response = served.post(
        "/get_observation", {"trajectory_ids": list(actions), "actions": list(actions.values()), **more}
    )
    assert response.status_code == 200, response.text
    body: dict[str, list[Any]] = response.json()
    return body


def test_actions_of_every_form_are_observed_in_their_form(sandboxed: Served) -> None:
    call = json.dumps({"name": "python", "arguments": {"code": "2**5"}})
    body = observed(
        sandboxed,
        {
            "fenced": "Let me see.\n```python\n6*7\n```",
            "tags": "<python>print(1)</python> and <python>print(2)</python>",
            "call": f"<tool_call>\n{call}\n</tool_call>",
            "answer": "It is 42.",
            "wrong": "<tool_call>{</tool_call>",
        },
    )

    assert body["observations"] == [
        "\n```output\n42\n```\n",
        "\n<output>\n1\n2\n</output>\n",
        "\n<tool_response>\n32\n</tool_response>\n",
        "",
        body["observations"][4],
    ]
    assert "There is no tool" in body["observations"][4]
    assert body["valids"] == [True, True, True, False, True]
    assert body["dones"] == [False] * 5


def test_a_search_is_observed_as_information(sandboxed: Served) -> None:
    body = observed(sandboxed, {"t": "<search>Who is a painter?</search>"})

    assert body["observations"][0].startswith("\n<information>[1] ")


def test_a_trajectory_keeps_its_variables_until_it_is_finished(sandboxed: Served) -> None:
    others = len(sandboxed.service.toolbox.sessions)
    observed(sandboxed, {"7": "<python>x = 41</python>"}, finish=[False], is_last_step=[False])
    assert observed(sandboxed, {"7": "<python>x + 1</python>"})["observations"] == ["\n<output>\n42\n</output>\n"]

    over = observed(sandboxed, {"7": "<python>x</python>"}, finish=[True])
    assert (over["observations"], over["dones"], over["valids"]) == ([""], [True], [True])
    assert "NameError" in observed(sandboxed, {"7": "<python>x</python>"})["observations"][0]
    observed(sandboxed, {"7": ""}, extra_fields=[{"finish": True, "difficulty": 3}])
    assert len(sandboxed.service.toolbox.sessions) == others


def test_a_tool_that_fails_by_itself_is_no_valid_action_and_no_fault_of_the_models(tooled: Served) -> None:
    call = json.dumps({"name": "fails", "arguments": {"city": "x"}})
    body = observed(tooled, {"t": f"<tool_call>{call}</tool_call>"})

    assert body["valids"] == [False]
    assert "was not caused by your call" in body["observations"][0]["error"]


@pytest.mark.parametrize("column", ["actions", "finish", "extra_fields"])
def test_columns_of_different_length_are_refused(tooled: Served, column: str) -> None:
    body = {"trajectory_ids": ["a", "b"], "actions": ["", ""]} | {column: []}
    response = tooled.post("/get_observation", body)

    assert response.status_code == 400
    assert response.json()["error"]["param"] == column
