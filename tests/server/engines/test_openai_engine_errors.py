"""What the `openai` engine says when a server refuses, fails, stalls or breaks off."""

from __future__ import annotations

import asyncio
import logging
import socket
import traceback
from email.utils import formatdate
from time import time

import pytest

from flyball.core.engine import GRAMMAR, Grammar
from flyball.core.errors import ConfigError, EngineDead, EngineError, RequestError, UpstreamError, UpstreamUnreachable
from flyball.server.engines.openai import OpenAIEngine, RemoteConfig

from .fake_upstream import DONE, Answer, CutOff, FakeUpstream, Hold, decode, encode, event, tokens
from .remote_calls import deltas, engine_on, request

SECRET = "sk-upstream-secret"
REFUSED = b'{"error": {"message": "top_k must be positive", "type": "BadRequestError", "param": "top_k", "code": 400}}'


def unused_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def engine_for(url: str, **config: object) -> OpenAIEngine:
    return OpenAIEngine(RemoteConfig.model_validate({"urls": [url], **config}), encode, decode)


async def test_a_400_is_the_requests_fault_with_the_servers_words() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.script.append(Answer(400, REFUSED))
        with pytest.raises(RequestError, match="top_k must be positive") as caught:
            await deltas(engine, request())
        assert caught.value.param == "top_k" and len(fake.calls) == 1 and engine.alive


async def test_of_a_grammar_that_the_server_refuses_without_a_name_the_grammar_is_named() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.always = Answer(400, b'{"error": {"message": "Grammar error: uniqueItems", "param": null}}')
        for call, param in ((request(grammar=Grammar(json_object=True)), GRAMMAR), (request(), None)):
            with pytest.raises(RequestError, match="uniqueItems") as caught:
                await deltas(engine, call)
            assert caught.value.param == param


@pytest.mark.parametrize(
    "body", [b'{"detail": "Not Found"}', b'{"object": "error", "message": "Not Found"}', b"Not Found"]
)
async def test_another_4xx_keeps_its_status_and_is_not_tried_again(body: bytes) -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.always = Answer(404, body)
        with pytest.raises(UpstreamError, match="404: Not Found") as caught:
            await deltas(engine, request())
        assert caught.value.status == 404 and len(fake.calls) == 1


@pytest.mark.parametrize("as_date", [False, True])
async def test_a_429_carries_its_retry_after_and_is_not_waited_for(as_date: bool) -> None:
    after = formatdate(time() + 900, usegmt=True) if as_date else "900"
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.always = Answer(429, b"{}", {"Retry-After": after})
        with pytest.raises(UpstreamError) as caught:
            await deltas(engine, request())
        assert caught.value.status == 429 and caught.value.retry_after in range(890, 901)
        assert len(fake.calls) == 1 and engine.alive


async def test_a_5xx_is_tried_again_until_the_retries_are_spent() -> None:
    async with FakeUpstream() as fake, engine_on(fake, retries=2, backoff_s=0.001) as engine:
        fake.always = Answer(503, b'{"error": {"message": "overloaded"}}', {"Retry-After": "9"})
        with pytest.raises(UpstreamError, match="503: overloaded") as caught:
            await deltas(engine, request())
        assert caught.value.status == 503 and caught.value.retry_after == 9 and len(fake.calls) == 3


async def test_a_5xx_before_the_first_token_is_mended_by_a_retry() -> None:
    async with FakeUpstream() as fake, engine_on(fake, backoff_s=0.001) as engine:
        fake.script.append(Answer(500))
        assert (await deltas(engine, request()))[-1].finish == "stop"
        assert len(fake.calls) == 2


async def test_an_error_object_inside_the_stream_is_an_upstream_error_and_not_tried_again() -> None:
    hold = Hold()
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        failure = event({"error": {"message": "engine died", "code": 500}})
        fake.script.append(Answer(steps=[tokens([1]), hold, failure, DONE]))
        stream = engine.generate(request())
        async with asyncio.timeout(5):
            assert (await anext(stream)).ids == [1]
            hold.until.set()
            with pytest.raises(UpstreamError, match="engine died") as caught:
                await anext(stream)
        assert caught.value.status == 500 and len(fake.calls) == 1


async def test_an_error_object_before_any_token_says_whose_fault_it_is() -> None:
    async with FakeUpstream() as fake, engine_on(fake, backoff_s=0.001) as engine:
        fake.script.append(Answer(steps=[event(REFUSED.decode()), DONE]))
        with pytest.raises(RequestError, match="top_k"):
            await deltas(engine, request())
        fake.script.append(Answer(steps=[event({"error": "out of memory"}), DONE]))
        assert (await deltas(engine, request()))[-1].finish == "stop"
        assert len(fake.calls) == 3


@pytest.mark.parametrize("ending", [[], [DONE]])
async def test_a_stream_that_ends_without_a_finish_is_an_upstream_error(ending: list[bytes]) -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.script.append(Answer(steps=[tokens([1]), *ending]))
        with pytest.raises(UpstreamError, match="before the answer was complete"):
            await deltas(engine, request())
        assert len(fake.calls) == 1


async def test_a_connection_lost_after_the_first_token_is_an_error_and_never_a_second_call() -> None:
    hold = Hold()
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.script.append(Answer(steps=[tokens([1]), hold, CutOff()]))
        stream = engine.generate(request())
        async with asyncio.timeout(5):
            assert (await anext(stream)).ids == [1]
            hold.until.set()
            with pytest.raises(UpstreamError, match="closed the connection"):
                await anext(stream)
        assert len(fake.calls) == 1


async def test_an_answer_is_whole_when_the_connection_is_lost_after_its_finish() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.script.append(Answer(steps=[tokens([1, 2], "stop"), CutOff()]))
        found = await deltas(engine, request())
        assert found[-1].ids == [1, 2] and found[-1].finish == "stop"


async def test_what_is_no_json_is_an_upstream_error() -> None:
    async with FakeUpstream() as fake, engine_on(fake, retries=0) as engine:
        fake.script.append(Answer(steps=[event("{nonsense"), DONE]))
        with pytest.raises(UpstreamError, match="no completion chunk"):
            await deltas(engine, request())


async def test_text_without_ids_from_a_server_of_ids_is_an_upstream_error() -> None:
    async with FakeUpstream() as fake, engine_on(fake, retries=0) as engine:
        fake.script.append(Answer(steps=[event({"choices": [{"text": "a"}]}), DONE]))
        with pytest.raises(UpstreamError, match="without token ids"):
            await deltas(engine, request())


async def test_missing_logprobs_are_an_upstream_error() -> None:
    async with FakeUpstream() as fake, engine_on(fake, retries=0) as engine:
        fake.script.append(Answer(steps=[tokens([1], "stop"), DONE]))
        with pytest.raises(UpstreamError, match="log-probabilities"):
            await deltas(engine, request(logprobs=0))


async def test_no_first_token_in_time_is_unreachable() -> None:
    hold = Hold()
    async with FakeUpstream() as fake, engine_on(fake, first_token_timeout_s=0.2, retries=0) as engine:
        for answer in (Answer(before=hold), Answer(steps=[event({"choices": []})[:10], hold])):
            fake.script.append(answer)
            with pytest.raises(UpstreamUnreachable, match=r"0\.2 s"):
                await deltas(engine, request())
            async with asyncio.timeout(5):
                await fake.calls[-1].gone.wait()


async def test_a_stall_between_tokens_is_unreachable_and_closes_the_connection() -> None:
    async with FakeUpstream() as fake, engine_on(fake, chunk_timeout_s=0.2) as engine:
        fake.script.append(Answer(steps=[tokens([1]), Hold()]))
        with pytest.raises(UpstreamUnreachable, match=r"nothing for 0\.2 s"):
            await deltas(engine, request())
        async with asyncio.timeout(5):
            await fake.calls[0].gone.wait()
        assert len(fake.calls) == 1


async def test_a_refused_connection_is_unreachable() -> None:
    with pytest.raises(UpstreamUnreachable, match="refuses connections"):
        await engine_for(f"http://127.0.0.1:{unused_port()}").start()


async def test_an_unknown_host_is_unreachable() -> None:
    engine = engine_for("http://host.invalid:8000", connect_timeout_s=5)
    with pytest.raises(UpstreamUnreachable, match=r"resolved|in time"):
        await engine.start()
    assert not engine.alive


async def test_a_connection_that_never_stands_is_unreachable() -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for client in waiting:
            client.setblocking(False)
            client.connect_ex(full.getsockname())
        try:
            with pytest.raises(UpstreamUnreachable):
                await engine_for(f"http://127.0.0.1:{full.getsockname()[1]}", connect_timeout_s=0.2).start()
        finally:
            for client in waiting:
                client.close()


async def test_a_call_that_meets_a_closing_idle_connection_goes_over_a_new_one() -> None:
    async with FakeUpstream() as fake, engine_on(fake, retries=0) as engine:
        fake.script.append(Answer(drop=True))
        assert (await deltas(engine, request()))[-1].finish == "stop"
        assert fake.connections == 2 and engine.alive


async def test_a_response_left_open_after_its_last_event_delays_the_end_but_is_no_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("flyball.server.engines.remote.http.DRAIN_S", 0.05)
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.script.append(Answer(steps=[tokens([1], "stop"), DONE, Hold()]))
        found = await deltas(engine, request())
        assert found[-1].ids == [1] and found[-1].finish == "stop" and engine.alive


async def test_a_server_that_hangs_up_on_every_call_is_an_error_after_the_retries() -> None:
    async with FakeUpstream() as fake, engine_on(fake, retries=1, backoff_s=0.001) as engine:
        fake.always = Answer(drop=True)
        with pytest.raises(EngineError, match="closed the connection"):
            await deltas(engine, request())
        # Two tries, each with a second connection: the first might have been an idle one just closed.
        assert len(fake.calls) == 4 and not engine.alive


async def test_a_redirect_is_not_followed() -> None:
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.always = Answer(307, b"", {"Location": f"{fake.url}/elsewhere"})
        with pytest.raises(UpstreamError, match="307"):
            await deltas(engine, request())
        assert len(fake.calls) == 1


async def test_an_absent_model_is_a_configuration_error_that_names_those_served() -> None:
    async with FakeUpstream(model="other") as fake:
        with pytest.raises(ConfigError, match="other"):
            await engine_for(fake.url, model="wanted").start()


async def test_an_unknown_context_length_is_a_configuration_error() -> None:
    async with FakeUpstream(context_length=None) as fake:
        with pytest.raises(ConfigError, match="context_length"):
            await engine_for(fake.url).start()


async def test_a_server_without_completions_is_an_upstream_error_at_the_start() -> None:
    async with FakeUpstream() as fake:
        fake.models_status = 500
        with pytest.raises(UpstreamError, match="500"):
            await engine_for(fake.url).start()


async def test_a_closed_engine_is_dead() -> None:
    async with FakeUpstream() as fake:
        async with engine_on(fake) as engine:
            pass
        with pytest.raises(EngineDead):
            await deltas(engine, request())
        assert not engine.alive


async def test_closing_the_engine_ends_a_running_call_with_an_error() -> None:
    hold = Hold()
    async with FakeUpstream() as fake, engine_on(fake) as engine:
        fake.script.append(Answer(before=hold))
        task = asyncio.create_task(deltas(engine, request()))
        async with asyncio.timeout(5):
            await hold.reached.wait()
            await engine.close()
            with pytest.raises(EngineError):
                await task


async def test_the_servers_key_is_sent_and_shows_nowhere(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    monkeypatch.setenv("UPSTREAM_KEY", SECRET)
    async with FakeUpstream() as fake, engine_on(fake, api_key_env="UPSTREAM_KEY", retries=0) as engine:
        errors: list[BaseException] = []
        for answer in (Answer(401, f"wrong key {SECRET}".encode()), Answer(drop=True), Answer(steps=[CutOff()])):
            fake.always = answer
            with pytest.raises(EngineError) as caught:
                await deltas(engine, request())
            errors.append(caught.value)
        assert fake.calls[0].headers["authorization"] == f"Bearer {SECRET}"
        shown = [repr(engine), caplog.text, *map(repr, errors)]
        shown += ["".join(traceback.format_exception(error)) for error in errors]
        assert "***" in str(errors[0]) and SECRET not in "".join(shown)
