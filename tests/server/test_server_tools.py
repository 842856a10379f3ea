"""Tools that the server runs, through HTTP: what a client may name, what it reads, and how it goes on."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from flyball.core.errors import ConfigError
from flyball.server.app import build_app
from flyball.server.config import Config
from flyball.server.traces.reader import TraceReader

from .scripted_model import AFTER_RESULT, ANSWER, COMPUTING, THINKING
from .serving import CHAT, Served, asking, folded, serving, tool

FILE = str(Path(__file__).with_name("tools_file.py"))
SUN = {"tools": ["sun"]}
BUDGET = "flyball.budget.tool_calls"
SHOWN = f'{THINKING}\n\nCalling sun: {{"city": "Paris"}}\nResult of sun: sun in Paris\n{THINKING}\n'


@pytest.fixture(scope="module")
def tooled() -> Iterator[Served]:
    with serving(tools={"files": [FILE]}) as served:
        yield served


@pytest.fixture(params=["plain", "streamed"])
def choice_of(request: pytest.FixtureRequest, tooled: Served) -> Any:
    """The only choice of a response, however it was sent."""

    def ask(question: str, **fields: Any) -> dict[str, Any]:
        if request.param == "plain":
            choice: dict[str, Any] = tooled.chat(question, **fields)["choices"][0]
            return choice
        return folded(tooled.stream(question, **fields))[0]

    return ask


def test_a_call_is_run_here_and_shown_as_reasoning(choice_of: Any) -> None:
    choice = choice_of("weather", flyball=SUN)

    assert choice["message"]["content"] == AFTER_RESULT
    assert choice["message"]["reasoning"] == SHOWN
    assert "tool_calls" not in choice["message"]
    assert choice["finish_reason"] == "stop"


def test_code_in_the_thinking_is_run_where_it_stands(choice_of: Any) -> None:
    choice = choice_of("compute", flyball={"tools": ["python"]})

    assert choice["message"]["reasoning"] == COMPUTING + "\n"
    assert choice["message"]["content"] == ANSWER


def test_the_output_in_the_thinking_is_the_tools_and_not_the_models(tooled: Served) -> None:
    report = tooled.chat("compute", flyball={"tools": ["python"]})["flyball"]["tokens"]
    without = tooled.chat("compute", flyball={"tools": ["python"], "fenced": False})["flyball"]["tokens"]

    assert report["environment"] > 0 == report["injected"]
    assert (without["environment"], without["kept"]) == (0, report["kept"] + report["environment"])


def test_the_servers_tools_are_rendered_beside_the_clients(tooled: Served) -> None:
    body = tooled.chat(tools=[tool("ask_user")], flyball=SUN)

    (call,) = tooled.calls_of(body)
    prompt = tooled.service.format.decode(call.ids)
    assert prompt.index('"name": "ask_user"') < prompt.index('"name": "sun"')


def test_a_model_that_is_not_told_of_python_may_still_write_it_in_its_thinking(tooled: Served) -> None:
    body = tooled.chat("compute", flyball={"tools": ["python"], "fenced": "only"})

    assert "<tools>" not in tooled.service.format.decode(tooled.calls_of(body)[0].ids)
    assert body["flyball"]["tokens"]["environment"] > 0


def test_events_tell_of_calls_and_results(tooled: Served) -> None:
    asked = SUN | {"events": True}
    body = tooled.chat("weather", flyball=asked)
    events = [
        event
        for chunk in tooled.stream("weather", flyball=asked)
        for event in chunk.get("flyball", {}).get("events", [])
    ]

    for told in (body["flyball"]["events"], events):
        call, result = told
        assert call["id"] == result["id"]
        assert (call["type"], call["name"], json.loads(call["arguments"])) == ("tool_call", "sun", {"city": "Paris"})
        assert (result["type"], result["status"], result["text"]) == ("tool_result", "ok", "sun in Paris")
        assert result["seconds"] >= 0


def test_without_asking_nobody_is_told_events(tooled: Served) -> None:
    assert "events" not in tooled.chat("weather", flyball=SUN)["flyball"]
    assert not any("events" in chunk.get("flyball", {}) for chunk in tooled.stream("weather", flyball=SUN))


def test_a_broken_tool_is_told_to_the_model_and_named_in_the_events(tooled: Served) -> None:
    body = tooled.chat("weather", flyball={"tools": ["fails"], "events": True})

    assert body["flyball"]["events"][1]["status"] == "infra"
    assert body["choices"][0]["message"]["content"] == AFTER_RESULT


def test_calls_beyond_the_budget_are_refused_to_the_model(tooled: Served) -> None:
    asked = {"tools": ["fails", "sun"], "events": True, "budget": {"tool_calls": {"sun": 0}}}

    (_, failed) = tooled.chat("weather", flyball=asked | {"tools": ["sun"]})["flyball"]["events"]

    assert failed["status"] == "user_error"
    assert "allows no more calls of 'sun'" in failed["text"]


def test_a_refusal_points_to_no_tool_that_the_request_does_not_have(tooled: Served) -> None:
    asked = {"tools": ["sun", "fails"], "events": True, "budget": {"tool_calls": {"sun": 0}}}

    (_, refused) = tooled.chat("weather", flyball=asked)["flyball"]["events"]
    (_, alone) = tooled.chat("weather", flyball=asked | {"tools": ["sun"]})["flyball"]["events"]

    assert refused["text"].endswith("Left: fails.")
    assert alone["text"].endswith("Answer with what you have.")


def test_calls_are_counted_by_tool_and_status(tooled: Served) -> None:
    tooled.chat("weather", flyball={"tools": ["fails"]})

    assert 'flyball_tool_calls_total{status="infra",tool="fails"}' in tooled.http.get("/metrics").text


def test_every_choice_runs_its_own_calls(tooled: Served) -> None:
    body = tooled.chat("weather", n=2, flyball=SUN | {"events": True})

    assert [choice["message"]["reasoning"] for choice in body["choices"]] == [SHOWN, SHOWN]
    assert sorted(event["choice"] for event in body["flyball"]["events"]) == [0, 0, 1, 1]


def test_a_strategys_samples_run_their_calls(tooled: Served) -> None:
    body = tooled.chat("weather", flyball=SUN | {"strategy": {"name": "self_consistency", "n": 2}})

    assert body["choices"][0]["message"]["reasoning"] == SHOWN


def test_nothing_is_kept_once_a_request_has_ended(tooled: Served) -> None:
    tooled.chat("weather", flyball=SUN)

    tooled.until_idle()
    assert len(tooled.service.toolbox.sessions) == 0


def test_a_client_that_leaves_cancels_the_tool(tooled: Served) -> None:
    module = next(module for name, module in sys.modules.items() if name.startswith("flyball_tools_tools_file"))
    with tooled.http.stream(
        "POST", CHAT, json=asking("weather", stream=True, flyball={"tools": ["waits"]})
    ) as response:
        assert response.status_code == 200
        tooled.run(module.BEGUN.wait())
    tooled.run(module.CANCELLED.wait())
    tooled.until_idle()
    assert len(tooled.service.toolbox.sessions) == 0


# -- both kinds --------------------------------------------------------------------------------------------------------

CLIENTS = [tool("get_weather")]


def first_turn(served: Served, **more: Any) -> dict[str, Any]:
    """A message with a call of the client's and one of the server's, as the client gets it."""
    choice: dict[str, Any] = served.chat("both", tools=CLIENTS, flyball=SUN, **more)["choices"][0]
    assert choice["finish_reason"] == "tool_calls"
    message: dict[str, Any] = choice["message"]
    return message


def history_after(message: dict[str, Any], **changes: Any) -> list[dict[str, Any]]:
    (call,) = message["tool_calls"]
    result = {"role": "tool", "tool_call_id": call["id"], "content": "rain"}
    bare = {"role": "assistant", "content": message["content"], "tool_calls": message["tool_calls"]}
    return [{"role": "user", "content": "both"}, bare | changes, result]


def prompt_of(served: Served, body: dict[str, Any]) -> str:
    return served.service.format.decode(served.calls_of(body)[0].ids)


def test_of_both_kinds_only_the_clients_calls_are_handed_over(choice_of: Any) -> None:
    choice = choice_of("both", tools=CLIENTS, flyball=SUN)

    (call,) = choice["message"]["tool_calls"]
    assert call["function"]["name"] == "get_weather"
    assert choice["finish_reason"] == "tool_calls"
    assert "Result of sun: sun in Paris" in choice["message"]["reasoning"]


@pytest.mark.parametrize("tools", [SUN, {}], ids=["tools named again", "not named again"])
def test_the_conversation_goes_on_with_both_results_in_their_places(tooled: Served, tools: dict[str, Any]) -> None:
    history = history_after(first_turn(tooled))

    body = tooled.chat(messages=history, tools=CLIENTS, flyball=tools)

    prompt = prompt_of(tooled, body)
    calls = [line for line in prompt.rpartition("user\nboth")[2].splitlines() if line.startswith('{"name"')]
    assert [json.loads(line)["name"] for line in calls] == ["get_weather", "sun"]
    assert "<tool_response>\nrain\n</tool_response>\n<tool_response>\nsun in Paris\n</tool_response>" in prompt
    assert f"<think>\n{THINKING}\n</think>" in prompt
    assert body["choices"][0]["message"]["content"] == AFTER_RESULT
    assert body["flyball"]["notes"] == []


def test_a_later_request_of_the_conversation_finds_the_turn_too(tooled: Served) -> None:
    history = history_after(first_turn(tooled))
    for _ in range(2):
        body = tooled.chat(messages=history, tools=CLIENTS, flyball=SUN)

    assert "sun in Paris" in prompt_of(tooled, body)


def test_a_turn_that_is_lost_is_used_as_it_was_sent_and_a_note_says_so(tooled: Served) -> None:
    message = first_turn(tooled)
    message["tool_calls"][0]["id"] = "call_0123_0_0_s"

    body = tooled.chat(messages=history_after(message), tools=CLIENTS, flyball=SUN)

    assert "sun in Paris" not in prompt_of(tooled, body)
    (note,) = body["flyball"]["notes"]
    assert note["by"] == "tools" and "not kept any more" in note["text"]


def test_no_other_client_finds_the_turn() -> None:
    keys = ["sk-one", "sk-two"]
    with serving(tools={"files": [FILE]}, server={"api_keys": keys}) as served:

        def chat(key: str, **fields: Any) -> dict[str, Any]:
            headers = {"authorization": f"Bearer {key}"}
            response = served.http.post(
                CHAT, json=asking("both", tools=CLIENTS, flyball=SUN, **fields), headers=headers
            )
            body: dict[str, Any] = response.json()
            return body

        message = chat("sk-one")["choices"][0]["message"]
        history = history_after(message)
        mine, others = (chat(key, messages=history) for key in keys)
        assert "sun in Paris" in prompt_of(served, mine)
        assert "sun in Paris" not in prompt_of(served, others)


# -- what is refused ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "param", "says"),
    [
        ({"flyball": {"tools": ["sum"]}}, "flyball.tools", "did you mean sun"),
        ({"flyball": {"tools": ["x" * 1000]}}, "flyball.tools", "unknown tool"),
        ({"flyball": SUN, "tools": [tool("sun")]}, "flyball.tools", "the server's and the client's"),
        ({"flyball": SUN | {"fenced": True}}, "flyball.fenced", "needs the tool 'python'"),
        ({"flyball": SUN, "presence_penalty": 1}, "presence_penalty", "tools"),
        ({"flyball": SUN | {"budget": {"tool_calls": {"sum": 1}}}}, BUDGET, "'sum', which the server does not run"),
        ({"flyball": SUN | {"budget": {"tool_calls": {"sum": 1}}}}, BUDGET, "did you mean sun?"),
        ({"flyball": SUN | {"budget": {"tool_calls": {"fails": 1}}}}, BUDGET, "did you mean sun?"),
        ({"flyball": {"budget": {"tool_calls": {"sun": 1}}}}, BUDGET, "names no tools of the server"),
        ({"flyball": SUN | {"budget": {"tool_calls": {"x": 1}}}, "tools": [tool("x")]}, BUDGET, "does not run"),
        ({"flyball": SUN | {"budget": {"tool_calls": {"sun": -1}}}}, f"{BUDGET}.sun", "greater than or equal to 0"),
    ],
)
def test_what_cannot_be_served_is_refused(tooled: Served, fields: dict[str, Any], param: str, says: str) -> None:
    error = tooled.error(**fields)

    assert error["param"] == param
    assert says in error["message"]


def test_tool_choice_none_offers_no_tool_at_all(tooled: Served) -> None:
    body = tooled.chat("weather", flyball=SUN, tool_choice="none")

    assert "<tools>" not in prompt_of(tooled, body)
    assert body["choices"][0]["message"]["content"] == ANSWER


@pytest.mark.parametrize("fenced", [True, "only", False, None])
def test_tool_choice_none_goes_together_with_whatever_the_request_says_of_tools(tooled: Served, fenced: object) -> None:
    """As a client asks that has the model answer from what it has found out, and leaves the rest of its request as it was."""
    asked = {"tools": ["python", "sun"], "fenced": fenced, "budget": {"tool_calls": {"sun": 1}}, "events": True}
    body = tooled.chat("compute", flyball=asked, tool_choice="none")

    assert "<tools>" not in prompt_of(tooled, body)
    assert body["flyball"]["events"] == []
    assert body["flyball"]["tokens"]["environment"] == 0


def test_a_forced_choice_is_one_of_the_clients_tools(tooled: Served) -> None:
    message = tooled.chat(tools=CLIENTS, tool_choice="required", flyball=SUN)["choices"][0]["message"]

    assert message["tool_calls"][0]["function"]["name"] == "get_weather"


# -- the server --------------------------------------------------------------------------------------------------------


def test_the_list_names_every_tool_with_its_schema(tooled: Served) -> None:
    listed = tooled.http.get("/v1/flyball/controllers").json()["tools"]

    assert [each["name"] for each in listed] == ["sun", "python", "waits", "fails", "search"]
    assert listed[0]["parameters"]["properties"] == {"city": {"type": "string"}}
    assert (listed[0]["effect"], listed[0]["description"]) == ("pure", "Says how the weather is.")


@pytest.mark.parametrize("files", [["no_such_file.py"], [FILE, FILE]], ids=["missing", "twice"])
def test_tools_that_cannot_be_loaded_keep_the_server_from_starting(files: list[str]) -> None:
    with pytest.raises(ConfigError):
        build_app(Config.model_validate({"tools": {"files": files}}))


def test_a_preset_may_name_tools() -> None:
    with serving(tools={"files": [FILE]}, presets={"sunny": SUN}) as served:
        response = served.post(CHAT, asking("weather") | {"model": "pocket:sunny"})
        assert response.json()["choices"][0]["message"]["reasoning"] == SHOWN


def test_a_presets_budget_is_for_whatever_tools_a_request_names() -> None:
    preset = {"budget": {"tool_calls": {"sun": 0}}}
    with serving(tools={"files": [FILE]}, presets={"frugal": preset}) as served:
        without = served.chat("hello", model="pocket:frugal")
        (_, refused) = served.chat("weather", model="pocket:frugal", flyball=SUN | {"events": True})["flyball"][
            "events"
        ]

    assert without["choices"]
    assert "allows no more calls of 'sun'" in refused["text"]


def test_a_traces_log_holds_what_tools_did(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'traces.sqlite'}"
    with serving(tools={"files": [FILE]}, traces={"url": url}) as served:
        id = served.chat("weather", flyball=SUN)["id"]
    with TraceReader(url) as reader:
        episode = reader.episode(id)
    assert episode is not None
    (trajectory,) = episode.trajectories
    kinds = [type(event).__name__ for event in trajectory.log]
    assert kinds.index("ToolCalled") < kinds.index("ToolAnswered")
