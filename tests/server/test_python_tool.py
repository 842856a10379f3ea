"""The tool `python` of a server: its sandbox, its sessions, and what is said where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psutil
import pytest

from flyball.core.errors import ConfigError
from flyball.server.app import build_app
from flyball.server.config import Config
from flyball.tools.sandbox import Sandbox

from .scripted_model import ANSWER, COMPUTING
from .serving import CHAT, Served, asking, serving
from .test_server_tools import FILE

EXECUTE = "/v1/flyball/tools/execute"
PYTHON: dict[str, Any] = {"preload": []}


@pytest.fixture(scope="module")
def sandboxed() -> Iterator[Served]:
    with serving(tools={"python": PYTHON, "idle_seconds": 600}) as served:
        yield served


def ran(served: Served, code: str, key: str | None = None, **more: Any) -> dict[str, Any]:
    """The result of one cell."""
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    call = {"tool": "python", "arguments": {"code": code}, **more}
    response = served.http.post(EXECUTE, json={"calls": [call]}, headers=headers)
    assert response.status_code == 200, response.text
    result: dict[str, Any] = response.json()["results"][0]
    return result


def deleted(served: Served, session: str, key: str | None = None) -> bool:
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    response = served.http.delete(f"/v1/flyball/sessions/{session}", headers=headers)
    found: bool = response.json()["deleted"]
    return found


def test_health_names_the_tier_in_use(sandboxed: Served) -> None:
    python = sandboxed.http.get("/health").json()["tools"]["python"]

    assert python["tier"] in ("A", "A'", "B", "monty")
    assert python["memory_kept_by"] in ("watch", "interpreter")


def test_code_in_the_thinking_is_run_in_the_sandbox(sandboxed: Served) -> None:
    body = sandboxed.chat("compute", flyball={"tools": ["python"], "events": True})

    assert body["choices"][0]["message"]["reasoning"] == COMPUTING + "\n"
    assert body["choices"][0]["message"]["content"] == ANSWER
    assert [event["type"] for event in body["flyball"]["events"]] == ["tool_call", "tool_result"]


def test_a_call_without_a_session_leaves_nothing_behind(sandboxed: Served) -> None:
    assert ran(sandboxed, "x = 1")["status"] == "ok"
    result = ran(sandboxed, "x")

    assert (result["status"], result["restarted"]) == ("user_error", True)
    assert "NameError" in result["text"]
    assert len(sandboxed.service.toolbox.sessions) == 0


def test_a_session_keeps_its_variables_until_it_is_deleted(sandboxed: Served) -> None:
    ran(sandboxed, "x = 41", session="s")
    assert ran(sandboxed, "x + 1", session="s")["text"] == "42"

    assert deleted(sandboxed, "s")
    assert "NameError" in ran(sandboxed, "x", session="s")["text"]
    assert deleted(sandboxed, "s")
    assert not deleted(sandboxed, "s")


def test_a_chat_uses_the_session_that_it_names_and_leaves_it_to_the_next_request(sandboxed: Served) -> None:
    sandboxed.chat("compute", flyball={"tools": ["python"], "session": "chat"})
    first = ran(sandboxed, "x = 5", session="chat")
    sandboxed.chat("compute", flyball={"tools": ["python"], "session": "chat"})
    second = ran(sandboxed, "x", session="chat")

    assert (first["restarted"], second["restarted"]) == (False, False)
    assert second["text"] == "5"
    assert deleted(sandboxed, "chat")


def test_a_session_is_one_trajectorys(sandboxed: Served) -> None:
    error = sandboxed.error("compute", n=2, flyball={"tools": ["python"], "session": "s"})

    assert error["param"] == "flyball.session"


def test_no_client_reaches_anothers_session() -> None:
    keys = ["sk-one", "sk-two"]
    with serving(tools={"python": PYTHON}, server={"api_keys": keys}) as served:
        ran(served, "x = 'mine'", keys[0], session="s")

        assert "NameError" in ran(served, "x", keys[1], session="s")["text"]
        assert deleted(served, "s", keys[1])
        assert not deleted(served, "s", keys[1])
        assert ran(served, "x", keys[0], session="s")["text"] == "'mine'"
        assert served.http.delete("/v1/flyball/sessions/s").status_code == 401


def test_a_session_that_is_one_too_many_ends_the_one_used_longest_ago() -> None:
    with serving(tools={"python": PYTHON, "max_sessions": 2}) as served:
        for name in ("a", "b", "c"):
            ran(served, "x = 1", session=name)

        assert "NameError" in ran(served, "x", session="a")["text"]
        assert ran(served, "x", session="c")["text"] == "1"


def test_an_idle_session_ends() -> None:
    with serving(tools={"python": PYTHON, "idle_seconds": 0.05}) as served:
        ran(served, "x = 1", session="s")
        python = served.service.toolbox.python
        assert python is not None and python.sessions is not None
        sessions = python.sessions
        served.until(lambda: len(sessions) == 0)

        assert sessions.metrics.sessions_evicted == 1
        assert "NameError" in ran(served, "x", session="s")["text"]


def test_sessions_that_hold_too_much_memory_together_end_from_the_one_used_longest_ago() -> None:
    with serving(tools={"python": PYTHON, "session_memory_mib": 60}) as served:
        for name in ("a", "b"):
            ran(served, "x = bytearray(40 << 20)", session=name)
        ended = served.run(served.service.toolbox.sessions.sweep())

        assert ended == 1
        assert "NameError" in ran(served, "len(x)", session="a")["text"]
        assert ran(served, "len(x)", session="b")["text"] == str(40 << 20)


def test_a_call_that_takes_too_long_is_a_timeout_and_the_next_one_works(sandboxed: Served) -> None:
    late = ran(sandboxed, "while True: pass", timeout_s=0.3)

    assert late["status"] == "timeout"
    assert ran(sandboxed, "6*7")["text"] == "42"


def test_the_sandbox_is_counted(sandboxed: Served) -> None:
    ran(sandboxed, "1/0")

    lines = sandboxed.http.get("/metrics").text.splitlines()
    figures = {line.split()[0]: float(line.split()[1]) for line in lines if line.startswith("flyball_sandbox_")}
    tier = sandboxed.http.get("/health").json()["tools"]["python"]["tier"]
    assert figures[f'flyball_sandbox_cells_total{{status="user_error",tier="{tier}"}}'] >= 1
    assert figures[f'flyball_sandbox_sessions_started_total{{tier="{tier}"}}'] >= 1
    assert figures[f'flyball_sandbox_cells_running{{tier="{tier}"}}'] == 0
    assert any(line.startswith('flyball_tool_calls_total{status="user_error",tool="python"}') for line in lines)


def test_when_what_starts_sessions_is_killed_the_next_call_works(sandboxed: Served) -> None:
    python = sandboxed.service.toolbox.python
    assert python is not None and python.sessions is not None
    backend = python.sessions.backend
    if not isinstance(backend, Sandbox):
        pytest.skip("the tier in use has no such process")
    assert backend.zygote_pid is not None
    psutil.Process(backend.zygote_pid).kill()
    sandboxed.until(lambda: backend.zygote_pid is None)

    assert ran(sandboxed, "6*7")["text"] == "42"


def test_many_conversations_at_once_keep_their_own_state_and_leave_none(sandboxed: Served) -> None:
    def talk(number: int) -> list[str]:
        name = f"talk-{number}"
        texts = [ran(sandboxed, f"x = {number}", session=name)["text"], ran(sandboxed, "x * 2", session=name)["text"]]
        chat = sandboxed.chat("compute", flyball={"tools": ["python"], "session": name})
        assert deleted(sandboxed, name)
        return [*texts, chat["choices"][0]["message"]["content"]]

    with ThreadPoolExecutor(16) as threads:
        talks = list(threads.map(talk, range(64)))

    assert talks == [["[no output]", str(2 * number), ANSWER] for number in range(64)]
    assert len(sandboxed.service.toolbox.sessions) == 0


# -- without a sandbox -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def bare() -> Iterator[Served]:
    """A server whose operator asks for a tier that does not hold here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("E2B_API_KEY", raising=False)
        with serving(tools={"python": {"tier": "e2b"}}, presets={"code": {"tools": ["python"]}}) as served:
            yield served


def test_without_a_sandbox_the_server_starts_and_health_says_why_and_how_to_mend_it(bare: Served) -> None:
    python = bare.http.get("/health").json()["tools"]["python"]

    assert python["tier"] is None
    (why,) = python["why"]
    assert why["tier"] == "e2b"
    assert "E2B_API_KEY is not set" in why["reason"]
    assert "E2B_API_KEY" in why["remedy"]
    assert bare.chat()["choices"]


def test_without_a_sandbox_a_request_for_python_is_told_so(bare: Served) -> None:
    error = bare.error("compute", flyball={"tools": ["python"]})

    assert error["code"] == "unknown_tool"
    assert "no sandbox holds" in error["message"] and "/health" in error["message"]


def test_without_a_sandbox_a_preset_with_python_is_refused_when_it_is_asked_for(bare: Served) -> None:
    response = bare.http.post(CHAT, json=asking("compute") | {"model": "pocket:code"})

    assert response.status_code == 400
    assert "no sandbox holds" in response.json()["error"]["message"]


def test_without_a_sandbox_a_call_is_a_user_error_and_there_is_nothing_to_count(bare: Served) -> None:
    assert ran(bare, "1")["status"] == "user_error"
    assert "flyball_sandbox" not in bare.http.get("/metrics").text


def test_a_tool_of_the_operators_own_takes_the_place_of_the_one_that_ships() -> None:
    with serving(tools={"files": [FILE]}) as served:
        assert served.service.toolbox.tools["python"].spec.description == "Evaluates 6*7 and nothing else."
        assert "python" not in served.http.get("/health").json()["tools"]


def test_an_own_tool_beside_one_that_is_configured_keeps_the_server_from_starting() -> None:
    with pytest.raises(ConfigError, match="two tools 'python'"):
        build_app(Config.model_validate({"tools": {"files": [FILE], "python": {"tier": "A"}}}))


def test_requests_that_end_early_free_their_session(sandboxed: Served) -> None:
    with sandboxed.http.stream("POST", CHAT, json=asking("compute", stream=True, flyball={"tools": ["python"]})):
        pass
    sandboxed.until_idle()
    python = sandboxed.service.toolbox.python
    assert python is not None and python.sessions is not None
    sessions = python.sessions
    sandboxed.until(lambda: len(sandboxed.service.toolbox.sessions) == 0 == sessions.metrics.cells_running)
