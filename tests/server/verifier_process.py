"""A verifier in a process of its own: says Yes to everything, or accepts questions and never answers ("silent")."""

from __future__ import annotations

import json
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

YES = {
    "choices": [
        {
            "message": {"content": "Yes"},
            "logprobs": {"content": [{"token": "Yes", "logprob": -0.1, "top_logprobs": []}]},
        }
    ],
    "usage": {"prompt_tokens": 9, "completion_tokens": 1},
}
SILENT = "silent" in sys.argv


class Handler(BaseHTTPRequestHandler):
    """Answers one question."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["content-length"]))
        print("asked", flush=True)
        if SILENT:
            threading.Event().wait()
        body = json.dumps(YES).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Nobody reads it."""


if __name__ == "__main__":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_address[1], flush=True)
    server.serve_forever()
