"""A small chat server on this machine, whose answers a test chooses."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

Body = dict[str, Any]


class HttpModel:
    """A server with one model; `answer` makes a status and a body from a request."""

    def __init__(self) -> None:
        self.bodies: list[Body] = []
        self.answer: Callable[[Body], tuple[int, Any]] = lambda _: (200, completion("VERDICT: RIGHT"))
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})

    @property
    def url(self) -> str:
        """Up to /v1."""
        return f"http://127.0.0.1:{self._server.server_port}/v1"

    def say(self, text: str, **usage: int) -> None:
        """Answer every request with this."""
        self.answer = lambda _: (200, completion(text, **usage))

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join(5)
        self._server.server_close()


def completion(content: str, prompt_tokens: int = 10, completion_tokens: int = 5, **more: Any) -> Body:
    """A chat completion."""
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens}
    message = {"role": "assistant", "content": content}
    return {"choices": [{"message": message, "finish_reason": "stop"}], "usage": usage, **more}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, model: HttpModel) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.model = model


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._respond(200, {"data": [{"id": "m"}]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.model.bodies.append(body)
        self._respond(*self.server.model.answer(body))

    def _respond(self, status: int, body: Any) -> None:
        content = json.dumps(body).encode()
        with suppress(ConnectionError):  # an interrupted client has left
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        pass
