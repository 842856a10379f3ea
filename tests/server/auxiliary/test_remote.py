"""A model behind an OpenAI-compatible server: what it is asked, and what is made of every kind of answer."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from flyball.core.errors import ConfigError, FlyballError, RequestError, UpstreamError, UpstreamUnreachable
from flyball.core.model import ModelReply
from flyball.server.auxiliary.remote import RemoteModel
from flyball.server.auxiliary.sections import EndpointSection

GOOD = {
    "choices": [{"message": {"role": "assistant", "content": "42"}}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9},
}
MESSAGES = [{"role": "user", "content": "?"}]


class Upstream(ThreadingHTTPServer):
    """Answers every question alike, and keeps what it was asked."""

    status, body = 200, json.dumps(GOOD).encode()
    asked: dict[str, Any]
    key: str | None

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)

    def model(self, **settings: Any) -> RemoteModel:
        url = f"http://127.0.0.1:{self.server_address[1]}/v1/"
        return RemoteModel(EndpointSection.model_validate({"name": "big", "url": url, **settings}))


class _Handler(BaseHTTPRequestHandler):
    server: Upstream

    def do_POST(self) -> None:
        self.server.asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.key = self.headers["authorization"]
        self.send_response(self.server.status)
        self.send_header("content-length", str(len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def upstream() -> Iterator[Upstream]:
    server = Upstream()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def test_it_is_asked_under_its_servers_name_with_its_key(
    upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BIG_KEY", "sk-big")
    model = upstream.model(model="Big/Model", api_key_env="BIG_KEY", price={"input": 1, "output": 2})
    reply = await model.chat(MESSAGES, max_tokens=5, temperature=0.5)

    assert reply == ModelReply("42", 7, 2)
    assert upstream.asked == {"model": "Big/Model", "messages": MESSAGES, "max_tokens": 5, "temperature": 0.5}
    assert upstream.key == "Bearer sk-big"
    assert model.price.usd(1_000_000, 1_000_000) == 3


async def test_without_a_key_none_is_sent(upstream: Upstream) -> None:
    await upstream.model().chat(MESSAGES, max_tokens=5)

    assert (upstream.key, upstream.asked["model"]) == (None, "big")


@pytest.mark.parametrize(
    ("status", "body", "error", "said"),
    [
        (400, {"error": {"message": "too long"}}, RequestError, "too long"),
        (422, "no JSON", RequestError, "status 422"),
        (401, {"error": {"message": "sk-big is wrong"}}, UpstreamError, "status 401"),
        (503, "", UpstreamError, "status 503"),
        (200, "no JSON", UpstreamError, "another form"),
        (200, GOOD | {"choices": []}, UpstreamError, "another form"),
        (200, {"choices": GOOD["choices"]}, UpstreamError, "another form"),
    ],
)
async def test_what_is_no_answer_is_an_error_of_its_kind(
    upstream: Upstream, status: int, body: Any, error: type[FlyballError], said: str
) -> None:
    upstream.status, upstream.body = status, (body if isinstance(body, str) else json.dumps(body)).encode()
    with pytest.raises(error, match=said) as raised:
        await upstream.model().chat(MESSAGES, max_tokens=5)

    assert "sk-big" not in str(raised.value)


async def test_a_server_that_is_not_there_is_unreachable() -> None:
    model = RemoteModel(EndpointSection(name="big", url="http://127.0.0.1:1/v1"))
    with pytest.raises(UpstreamUnreachable, match="big"):
        await model.chat(MESSAGES, max_tokens=5)


async def test_the_likeliest_first_tokens_are_told_with_the_sampled_one(upstream: Upstream) -> None:
    likely = [{"token": "Yes", "logprob": -0.1}, {"token": "No", "logprob": -2.5}]
    place = {"token": " Yes", "logprob": -3.0, "top_logprobs": likely}
    choice = {"message": {"content": "Yes"}, "logprobs": {"content": [place, place]}}
    upstream.body = json.dumps(GOOD | {"choices": [choice]}).encode()
    reply = await upstream.model().chat(MESSAGES, max_tokens=1, first_token_logprobs=2)

    assert reply.first_token_logprobs == ((" Yes", -3.0), ("Yes", -0.1), ("No", -2.5))
    assert (upstream.asked["logprobs"], upstream.asked["top_logprobs"]) == (True, 2)


async def test_a_server_that_tells_no_log_probabilities_leaves_them_out(upstream: Upstream) -> None:
    reply = await upstream.model().chat(MESSAGES, max_tokens=1, first_token_logprobs=2)
    assert reply.first_token_logprobs == ()


async def test_what_is_sent_besides_is_configured(upstream: Upstream) -> None:
    extra = {"chat_template_kwargs": {"enable_thinking": False}, "max_tokens": 9}
    await upstream.model(extra=extra).chat(MESSAGES, max_tokens=5)

    assert upstream.asked["chat_template_kwargs"] == {"enable_thinking": False}
    assert upstream.asked["max_tokens"] == 5


def test_a_key_that_is_not_set_is_a_configuration_error(upstream: Upstream) -> None:
    with pytest.raises(ConfigError, match="NO_SUCH_KEY"):
        upstream.model(api_key_env="NO_SUCH_KEY")
