"""GET /health and /metrics, what is traced, and that requests do not mix."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from flyball.core.events import FinishReason
from flyball.server.traces.reader import TraceReader
from flyball.server.traces.records import EpisodeRecord

from .scripted_model import ANSWER
from .serving import CHAT, COMPLETIONS, Hold, Served, asking, serving


def samples(served: Served) -> dict[str, float]:
    text = served.http.get("/metrics").text
    return {
        sample.name + "".join(f"[{value}]" for value in sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def test_health_says_what_is_served_and_how_busy_it_is(served: Served) -> None:
    served.until_idle()

    assert served.http.get("/health").json() == {
        "status": "ok",
        "model": "pocket",
        "engine": "vllm",
        "running": 0,
        "waiting": 0,
        "engine_running": 0,
        "models": {},
        "tools": {"offered": 1},
    }


def test_metrics_count_requests_tokens_and_edits() -> None:
    with serving() as served:
        body = served.chat(flyball={"controllers": [{"name": "thinking_budget", "tokens": 3}]})
        served.post(CHAT, asking("raise"))
        served.post(COMPLETIONS, {"model": "pocket", "prompt": "one"})
        found = samples(served)

    tokens = body["flyball"]["tokens"]
    assert found["flyball_requests_total[ok][chat]"] == 1
    assert found["flyball_requests_total[error][chat]"] == 1
    assert found["flyball_requests_total[ok][completions]"] == 1
    assert found["flyball_tokens_total[kept]"] == tokens["kept"]
    assert found["flyball_tokens_total[thinking]"] == 3
    assert found["flyball_tokens_total[injected]"] == tokens["injected"]
    assert found["flyball_tokens_total[dropped]"] == tokens["dropped"]
    assert found["flyball_tokens_total[prompt]"] > body["usage"]["prompt_tokens"]
    assert found["flyball_edits_total[thinking_budget]"] == 1
    assert found["flyball_request_seconds_count[chat]"] == 2
    assert (found["flyball_running"], found["flyball_waiting"]) == (0, 0)


def test_metrics_of_the_process_are_there_too(served: Served) -> None:
    assert "process_resident_memory_bytes" in samples(served)


def traced(tmp_path: Path, *requests: dict[str, Any]) -> tuple[list[dict[str, Any]], list[EpisodeRecord]]:
    """The bodies of requests, and what the trace store has of them."""
    url = f"sqlite:///{tmp_path}/traces.sqlite"
    presets = {"brief": {"controllers": [{"name": "thinking_budget", "tokens": 2}]}}
    with serving(traces={"url": url}, presets=presets) as served:
        bodies = [served.post(CHAT, asking("hello") | request).json() for request in requests]
    with TraceReader(url) as reader:
        return bodies, list(reader.episodes())


def test_every_answered_request_is_in_the_trace_store(tmp_path: Path) -> None:
    requests = ({"temperature": 0.5, "seed": 3, "secret": "x"}, {"model": "pocket:brief"}, {"n": 2, "seed": 2**63 - 1})
    bodies, episodes = traced(tmp_path, *requests)

    first, brief, two = episodes
    assert [episode.id for episode in episodes] == [body["id"] for body in bodies]
    assert first.messages == [{"role": "user", "content": "hello"}]
    assert first.sampling == {"temperature": 0.5, "seed": 3}
    assert first.outcome == "stop"
    assert (brief.model, brief.preset) == ("pocket:brief", "brief")
    assert brief.flyball == {"controllers": [{"name": "thinking_budget", "tokens": 2}]}
    assert brief.trajectories[0].tally.thinking == 2
    assert [trajectory.finish for trajectory in two.trajectories] == [FinishReason.STOP] * 2


def test_a_request_that_fails_is_traced_as_an_error_and_a_refused_one_is_not(tmp_path: Path) -> None:
    bodies, (episode,) = traced(tmp_path, asking("raise"), {"temperature": 9})

    assert all("error" in body for body in bodies)
    assert episode.outcome == "error"


def test_a_cancelled_request_is_traced_with_what_was_decoded(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/traces.sqlite"
    hold = Hold(at=4)
    with serving(traces={"url": url}, hold=hold) as served:
        with served.http.stream("POST", CHAT, json=asking("count", stream=True)):
            served.until(lambda: hold.holding == 1)
        served.until_idle()
    with TraceReader(url) as reader:
        (episode,) = reader.episodes()

    assert episode.outcome == "cancelled"
    assert episode.trajectories[0].finish == FinishReason.CANCELLED
    assert episode.trajectories[0].tally.sampled == 4


def test_requests_at_once_do_not_mix(served: Served) -> None:
    with ThreadPoolExecutor(8) as threads:
        budgets = [1 + number % 5 for number in range(16)]
        futures = [threads.submit(served.chat, thinking_token_budget=budget) for budget in budgets]
        bodies = [future.result(5) for future in futures]

    spent = [body["usage"]["completion_tokens_details"]["reasoning_tokens"] for body in bodies]
    assert spent == budgets
    assert {body["choices"][0]["message"]["content"] for body in bodies} == {ANSWER}
    assert len({body["id"] for body in bodies}) == 16
