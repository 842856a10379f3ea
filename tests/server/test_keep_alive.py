"""A stream that has nothing to send says that it lives."""

from __future__ import annotations

import pytest

from .serving import CHAT, COMPLETIONS, Hold, asking, checked_error, parsed, serving

SOON = {"keep_alive_seconds": 0.02}


@pytest.mark.parametrize("path", [CHAT, COMPLETIONS])
@pytest.mark.parametrize("at", [0, 4])
def test_comments_are_sent_while_the_engine_is_silent(path: str, at: int) -> None:
    hold = Hold(at=at)
    body = asking("count", stream=True, prompt="one")
    with serving(hold=hold, server=SOON) as served, served.http.stream("POST", path, json=body) as response:
        received = ""
        for text in response.iter_text():
            received += text
            if received.count(": keep-alive\n\n") >= 3:
                served.call(hold.open)

    assert response.status_code == 200
    *events, done = parsed(received)
    assert done == "[DONE]"
    assert events[-1]["choices"][0]["finish_reason"]


def test_comments_are_sent_while_a_request_waits_for_its_turn() -> None:
    hold = Hold()
    server = {**SOON, "max_running": 1}
    with serving(hold=hold, server=server) as served, served.http.stream("POST", CHAT, json=asking("a", stream=True)):
        served.until(lambda: hold.holding == 1)
        with served.http.stream("POST", CHAT, json=asking("count", stream=True)) as response:
            texts = response.iter_text()
            first = next(texts)
            assert served.service.admission.waiting == 1

    assert first.startswith(": keep-alive\n\n")


def test_an_error_after_a_comment_is_an_event_because_the_status_is_out() -> None:
    hold = Hold()
    body = asking("count", stream=True)
    with serving(hold=hold, server=SOON) as served, served.http.stream("POST", CHAT, json=body) as response:
        received = ""
        for text in response.iter_text():
            if not received:
                served.call(served.engine.die)
                served.call(hold.open)
            received += text

    error, done = parsed(received)
    assert response.status_code == 200
    assert checked_error(error["error"])["code"] == "engine_unavailable"
    assert done == "[DONE]"


def test_a_busy_stream_has_no_comments() -> None:
    with serving() as served:
        assert ": keep-alive" not in served.post(CHAT, asking("count", stream=True)).text
