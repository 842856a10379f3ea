"""The real application with a scripted engine, on a free loopback port, served by uvicorn in a thread of its own."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import cache
from typing import Any, TypeVar

import httpx

from flyball.controllers.formats.registry import load_format
from flyball.core.chat_format import ChatFormat
from flyball.core.engine import Abilities, EngineRequest
from flyball.data import REASONER
from flyball.server.app import build_app
from flyball.server.config import Config
from flyball.server.engines.scripted import ScriptedEngine
from flyball.server.run import DrainingServer
from flyball.server.service import Service

from .scripted_model import PocketScript

T = TypeVar("T")
PATIENCE = 20.0
"""Seconds that any wait may take."""
CONTEXT = 1024
CHAT, COMPLETIONS = "/v1/chat/completions", "/v1/completions"


@cache
def pocket_format() -> ChatFormat:
    """The packaged pocket model's tokenizer and chat format."""
    return load_format("pocket", str(REASONER))


class Hold:
    """Holds every engine call before its delta number `at`, until it is opened."""

    def __init__(self, at: int = 0) -> None:
        self._at, self._open = at, False
        self._waits: list[asyncio.Future[None]] = []

    def __call__(self, request: EngineRequest, number: int) -> asyncio.Future[None] | None:
        if self._open or number < self._at:
            return None
        wait = asyncio.get_running_loop().create_future()
        self._waits.append(wait)
        return wait

    @property
    def holding(self) -> int:
        """Calls that stand here."""
        return sum(not wait.done() for wait in self._waits)

    def open(self) -> None:
        """Let everything pass. To be called in the server's loop."""
        self._open = True
        for wait in self._waits:
            if not wait.done():
                wait.set_result(None)


class Served:
    """A running server, and a client of it."""

    def __init__(self, config: Config, make: Callable[[], ScriptedEngine]) -> None:
        self.engines: list[ScriptedEngine] = []
        """Every engine that was started, the one that serves last."""

        def factory(config: Config, format: ChatFormat) -> ScriptedEngine:
            with suppress(RuntimeError):  # one that is served beside is made in a thread
                self._loop = asyncio.get_running_loop()
            self.engines.append(make())
            return self.engines[-1]

        self._app = build_app(config, engine=factory, format=pocket_format())
        self.socket = socket.socket()
        self.socket.bind(("127.0.0.1", 0))
        self.address: tuple[str, int] = self.socket.getsockname()
        self.url = f"http://127.0.0.1:{self.address[1]}"
        self.server = _Server(self._app, config, "critical")
        self._thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self._thread.start()
        assert self.server.ready.wait(3 * PATIENCE) and self.server.started
        self.http = httpx.Client(base_url=self.url, timeout=PATIENCE, verify=False)  # a TLS context takes long to make

    def close(self) -> None:
        """Stop, and wait for the end."""
        self.http.close()
        self.server.should_exit = True
        self._thread.join(PATIENCE)
        self.socket.close()
        assert not self._thread.is_alive()

    @property
    def engine(self) -> ScriptedEngine:
        return self.engines[-1]

    @property
    def service(self) -> Service:
        service: Service = self._app.state.service
        return service

    def let_go(self, hold: Hold) -> None:
        """Open a hold, unless the test has stopped the server already."""
        with suppress(RuntimeError):
            self._loop.call_soon_threadsafe(hold.open)

    # -- in the server's loop --------------------------------------------------------------------------------------

    def run(self, work: Awaitable[T]) -> T:
        """The result of a coroutine that runs in the server's loop."""

        async def bounded() -> T:
            async with asyncio.timeout(PATIENCE):
                return await work

        future: Future[T] = asyncio.run_coroutine_threadsafe(bounded(), self._loop)
        return future.result(PATIENCE + 1)

    def call(self, function: Callable[[], T]) -> T:
        """Call something in the server's loop."""

        async def called() -> T:
            return function()

        return self.run(called())

    def until(self, holds: Callable[[], bool]) -> None:
        """Wait until a condition, looked at in every turn of the server's loop, holds."""

        async def wait() -> None:
            while not holds():
                await asyncio.sleep(0)

        self.run(wait())

    def until_idle(self) -> None:
        """Wait until nothing runs: by the engines' own count, and by the server's."""

        async def wait() -> None:
            while self.service.admission.running or any([await engine.running() for engine in self.engines]):
                await asyncio.sleep(0)

        self.run(wait())

    # -- requests --------------------------------------------------------------------------------------------------

    def post(self, path: str, body: Mapping[str, Any]) -> httpx.Response:
        return self.http.post(path, json=body)

    def chat(self, question: str = "What is it?", **fields: Any) -> dict[str, Any]:
        """A plain body."""
        response = self.post(CHAT, asking(question, **fields))
        assert response.status_code == 200, response.text
        body: dict[str, Any] = response.json()
        return body

    def stream(self, question: str = "What is it?", **fields: Any) -> list[dict[str, Any]]:
        """The events of a stream that ends well."""
        return self.events(CHAT, asking(question, stream=True, **fields))

    def events(self, path: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        """The events of a stream that ends well."""
        response = self.post(path, body)
        assert response.status_code == 200, response.text
        assert response.headers["content-type"].startswith("text/event-stream")
        *events, done = parsed(response.text)
        assert done == "[DONE]"
        return events

    def error(self, question: str = "What is it?", **fields: Any) -> dict[str, Any]:
        """The error object of a 400."""
        response = self.post(CHAT, asking(question, **fields))
        assert response.status_code == 400, response.text
        return error_of(response)

    def calls_of(self, body: Mapping[str, Any]) -> list[EngineRequest]:
        """The engine calls of one response."""
        return [call for call in self.engine.requests if call.request_id.startswith(body["id"])]


class _Server(DrainingServer):
    def __init__(self, *args: Any) -> None:
        super().__init__(*args)
        self.ready = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()


@contextmanager
def serving(
    *,
    hold: Hold | None = None,
    deltas: Sequence[int] = (1,),
    late_tokens: int = 0,
    abilities: Abilities | None = None,
    **sections: Any,
) -> Iterator[Served]:
    """A server whose configuration has these sections. Without a word about it there is no sandbox: it takes seconds."""
    sections["tools"] = {"python": {"enabled": False}} | sections.get("tools", {})
    config = Config.model_validate({"model": {"name": "pocket"}, **sections})
    format = pocket_format()

    def make() -> ScriptedEngine:
        return ScriptedEngine(
            PocketScript(format),
            eos_ids=format.eos_ids,
            deltas=deltas,
            abilities=abilities or Abilities(context_length=CONTEXT),
            late_tokens=late_tokens,
            gate=hold,
        )

    served = Served(config, make)
    try:
        yield served
    finally:
        if hold is not None:
            served.let_go(hold)
        served.close()


def asking(question: str, **fields: Any) -> dict[str, Any]:
    """The body of a request with one user message."""
    return {"model": "pocket", "messages": [{"role": "user", "content": question}], **fields}


def tool(name: str = "get_weather", *arguments: str) -> dict[str, Any]:
    """A tool with string arguments."""
    names = arguments or ("city",)
    parameters = {
        "type": "object",
        "properties": {argument: {"type": "string"} for argument in names},
        "required": list(names),
    }
    return {"type": "function", "function": {"name": name, "description": "Look it up.", "parameters": parameters}}


def parsed(text: str) -> list[Any]:
    """The data of server-sent events; comments are left out."""
    blocks = [block for block in text.split("\n\n") if block and not block.startswith(":")]
    assert all(block.startswith("data: ") and "\n" not in block for block in blocks)
    data = [block.removeprefix("data: ") for block in blocks]
    return [item if item == "[DONE]" else json.loads(item) for item in data]


def error_of(response: httpx.Response) -> dict[str, Any]:
    """The error object, whose shape is checked on the way."""
    assert response.headers["content-type"] == "application/json"
    assert list(response.json()) == ["error"]
    return checked_error(response.json()["error"])


def checked_error(error: dict[str, Any]) -> dict[str, Any]:
    """An error object has four fields: two strings, and two that are a string or null."""
    assert error.keys() == {"message", "type", "param", "code"}
    assert isinstance(error["message"], str) and error["message"]
    assert isinstance(error["type"], str)
    assert all(isinstance(error[name], str | None) for name in ("param", "code"))
    return error


def folded(events: Iterable[Mapping[str, Any]]) -> dict[int, dict[str, Any]]:
    """The choices of a stream, put together as a client does it: shaped like those of a plain body."""
    choices: dict[int, dict[str, Any]] = {}
    for event in events:
        for piece in event["choices"]:
            choice = choices.setdefault(
                piece["index"], {"index": piece["index"], "message": {}, "finish_reason": None, "logprobs": None}
            )
            assert choice["finish_reason"] is None, "nothing comes after the end of a choice"
            _fold(choice["message"], piece["delta"])
            choice["finish_reason"] = piece["finish_reason"]
            if "stop_reason" in piece:
                choice["stop_reason"] = piece["stop_reason"]
            if piece["logprobs"] is not None:
                logprobs = choice["logprobs"] or {"content": []}
                choice["logprobs"] = {"content": logprobs["content"] + piece["logprobs"]["content"]}
    return choices


def _fold(message: dict[str, Any], delta: Mapping[str, Any]) -> None:
    for name, value in delta.items():
        if name == "tool_calls":
            for piece in value:
                _fold_call(message.setdefault("tool_calls", []), piece)
        else:
            message[name] = message.get(name, "") + value


def _fold_call(calls: list[dict[str, Any]], piece: Mapping[str, Any]) -> None:
    assert piece["index"] in (len(calls), len(calls) - 1), "calls come one after another"
    if piece["index"] == len(calls):
        calls.append({"id": piece["id"], "type": piece["type"], "function": dict(piece["function"])})
        return
    assert piece.keys() == {"index", "function"} and piece["function"].keys() == {"arguments"}
    calls[piece["index"]]["function"]["arguments"] += piece["function"]["arguments"]
