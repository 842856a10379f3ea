"""Auxiliary models that are killed, silent or slow, and clients that leave meanwhile, through HTTP."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from flyball.core.engine import EngineRequest

from .scripted_model import ANSWER, DOUBTING
from .serving import CHAT, Hold, Served, asking, serving
from .test_cancellation import asked

BESIDE = {"name": "verifier", "path": "pocket-verifier"}
TRIMR: dict[str, Any] = {"flyball": {"controllers": [{"name": "trimr", "verifier": "verifier"}]}}
BATS: dict[str, Any] = {
    "flyball": {"strategy": {"name": "bats", "attempts": 1, "verifier": "verifier", "judge": "verifier"}}
}


class HoldVerifier(Hold):
    """Holds the verifier's questions, and no other call."""

    def __call__(self, request: EngineRequest, number: int) -> Any:
        return super().__call__(request, number) if request.request_id.startswith("verifier-") else None


def notes(body: dict[str, Any]) -> list[str]:
    return [note["text"] for note in body["flyball"]["notes"] if "text" in note]


def untrimmed(body: dict[str, Any]) -> bool:
    message = body["choices"][0]["message"]
    return bool(message["content"] == ANSWER and message["reasoning"].strip() == DOUBTING)


def trimmed(body: dict[str, Any]) -> bool:
    return bool(body["choices"][0]["message"]["reasoning"].count("So the result") == 3)


def health(served: Served) -> dict[str, str]:
    models: dict[str, str] = served.http.get("/health").json()["models"]
    return models


# -- served beside -----------------------------------------------------------------------------------------------------


def test_a_verifier_that_is_served_beside_and_dies_is_done_without_and_comes_back() -> None:
    with serving(models=[BESIDE]) as served:
        before = served.chat("doubt", **TRIMR)
        served.call(served.engines[1].die)
        killed = served.chat("doubt", **TRIMR)
        served.until(lambda: served.service.auxiliary.health() == {"verifier": "ready"})
        after = served.chat("doubt", **TRIMR)
        metrics = served.http.get("/metrics").text

    assert trimmed(before) and trimmed(after)
    assert notes(before) == notes(after) == []
    assert "no verdict: verifier: the engine is being restarted" in notes(killed)
    assert killed["choices"][0]["finish_reason"] == "stop"
    assert 'flyball_side_calls_total{by="trimr",model="verifier",outcome="error"}' in metrics


@pytest.mark.parametrize("fields", [TRIMR, BATS], ids=["trimr", "bats"])
def test_a_verifier_that_dies_while_it_works_costs_its_verdicts_and_no_answer(fields: dict[str, Any]) -> None:
    hold = HoldVerifier()
    with ThreadPoolExecutor() as threads, serving(hold=hold, models=[BESIDE]) as served:
        running = threads.submit(served.chat, "doubt", **fields)
        served.until(lambda: hold.holding > 0)
        served.call(served.engines[1].die)
        served.call(hold.open)
        body = running.result(10)
        served.until_idle()

    assert body["choices"][0]["finish_reason"] == "stop"
    assert body["choices"][0]["message"]["content"]
    assert any("told to die" in note for note in notes(body))


def test_a_strategy_whose_verifier_is_being_restarted_gives_its_answer_unverified() -> None:
    with serving(models=[BESIDE]) as served:
        served.call(served.engines[1].die)
        body = served.chat("doubt", **BATS)

    assert body["choices"][0]["message"]["content"] == ANSWER
    figures = next(note for note in body["flyball"]["notes"] if note["by"] == "bats" and "unverified" in note)
    assert figures["unverified"] == 1
    assert notes(body) == ["verifier gave no reply: verifier: the engine is being restarted"]


def test_a_question_that_takes_too_long_is_given_up() -> None:
    hold = HoldVerifier()
    with serving(hold=hold, models=[BESIDE | {"timeout_s": 0.05}]) as served:
        body = served.chat("doubt", **TRIMR)
        served.until_idle()
        left = served.service.auxiliary.asked()

    assert untrimmed(body)
    assert notes(body) == ["no verdict: verifier did not answer within 0.05 s"]
    assert left == 0


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("fields", [TRIMR, BATS], ids=["trimr", "bats"])
def test_a_client_that_leaves_while_the_verifier_works_ends_its_questions(fields: dict[str, Any], stream: bool) -> None:
    hold = HoldVerifier()
    with serving(hold=hold, models=[BESIDE]) as served:
        with asked(served, CHAT, asking("doubt", stream=stream, **fields)):
            served.until(lambda: hold.holding > 0)
        served.until_idle()
        assert (hold.holding, served.service.auxiliary.asked()) == (0, 0)


def test_when_its_queue_is_full_a_request_goes_on_without() -> None:
    hold = HoldVerifier()
    small = BESIDE | {"max_running": 1, "max_queue": 0}
    with ThreadPoolExecutor() as threads, serving(hold=hold, models=[small]) as served:
        first = threads.submit(served.chat, "doubt", **BATS)
        served.until(lambda: hold.holding == 1)
        second = served.chat("doubt", **BATS)
        served.call(hold.open)
        first.result(10)
        refused = served.service.auxiliary.refused()

    assert notes(second) == ["verifier gave no reply: verifier is asked too much: its queue is full"]
    assert second["choices"][0]["message"]["content"] == ANSWER
    assert refused == 1


# -- behind a server ---------------------------------------------------------------------------------------------------


class Verifier(NamedTuple):
    """A process that verifies."""

    process: subprocess.Popen[str]
    section: dict[str, Any]

    def until_asked(self) -> None:
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "asked\n"

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(10)


@contextmanager
def verifier(*how: str) -> Iterator[Verifier]:
    command = [sys.executable, str(Path(__file__).with_name("verifier_process.py")), *how]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        try:
            yield Verifier(process, {"name": "verifier", "url": f"http://127.0.0.1:{port}/v1"})
        finally:
            process.kill()


def test_a_remote_verifier_that_is_killed_is_done_without() -> None:
    with verifier() as remote, serving(models=[remote.section]) as served:
        before = served.chat("doubt", **TRIMR)
        remote.kill()
        after = served.chat("doubt", **TRIMR)
        assert health(served) == {"verifier": "remote"}

    assert trimmed(before)
    assert untrimmed(after)
    assert len(notes(after)) == 1
    assert notes(after)[0].startswith("no verdict: verifier: Connect")


@pytest.mark.parametrize("fields", [TRIMR, BATS], ids=["trimr", "bats"])
def test_a_remote_verifier_that_is_killed_while_it_works_leaves_the_answer_as_it_is(fields: dict[str, Any]) -> None:
    with ThreadPoolExecutor() as threads, verifier("silent") as remote, serving(models=[remote.section]) as served:
        running = threads.submit(served.chat, "doubt", **fields)
        remote.until_asked()
        remote.kill()
        body = running.result(10)

    assert body["choices"][0]["message"]["content"] == ANSWER
    assert any("verifier: " in note for note in notes(body))


def test_a_client_that_leaves_while_a_remote_verifier_works_ends_its_question() -> None:
    with verifier("silent") as remote, serving(models=[remote.section]) as served:
        with asked(served, CHAT, asking("doubt", **TRIMR)):
            remote.until_asked()
        served.until_idle()
        assert served.service.auxiliary.asked() == 0
