"""A server that speaks e2b's protocol, for tests: its machines' interpreters are sessions of the local sandbox."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import signal
import time
import uuid
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from flyball.tools.sandbox import CellResult, Sandbox, Session

KEY = "e2b_key_of_the_tests"


@dataclass
class RentedMachine:
    id: str
    metadata: dict[str, str]
    timeout: int
    internet: bool
    contexts: dict[str, Session] = field(default_factory=dict)
    beats: int = 0


@dataclass
class Service:
    """What the tests look at and turn."""

    sandbox: Sandbox
    machines: dict[str, RentedMachine] = field(default_factory=dict)
    rented: int = 0
    failures: list[int] = field(default_factory=list)
    """Statuses with which the next requests for a machine are answered."""
    unreachable: bool = False
    """Whether machines answer no question for their health."""
    answer: bytes | None = None
    """What the next cells are answered with, instead of running."""
    interrupted: set[asyncio.Task[CellResult]] = field(default_factory=set)
    began: asyncio.Event = field(default_factory=asyncio.Event)

    def app(self) -> Starlette:
        """The control plane and all machines, under one address."""
        return Starlette(
            routes=[
                Route("/v2/sandboxes", self.rent, methods=["POST"]),
                Route("/v2/sandboxes", self.list, methods=["GET"]),
                Route("/sandboxes/{id}", self.kill, methods=["DELETE"]),
                Route("/sandboxes/{id}/timeout", self.set_timeout, methods=["POST"]),
                Route("/health", self.health),
                Route("/contexts", self.new_context, methods=["POST"]),
                Route("/contexts/{id}", self.remove_context, methods=["DELETE"]),
                Route("/execute", self.execute, methods=["POST"]),
            ]
        )

    async def rent(self, request: Request) -> Response:
        if request.headers["x-api-key"] != KEY:
            return JSONResponse({"code": 401, "message": "wrong key"}, 401)
        if self.failures:
            status = self.failures.pop(0)
            return JSONResponse({"code": status, "message": "try again"}, status, {"Retry-After": "0"})
        wanted = await request.json()
        machine = RentedMachine(
            uuid.uuid4().hex, wanted["metadata"], wanted["timeout"], wanted["allow_internet_access"]
        )
        self.machines[machine.id] = machine
        self.rented += 1
        return JSONResponse(self._told(machine) | {"envdVersion": "0.6.0", "envdAccessToken": "t", "domain": None}, 201)

    async def list(self, request: Request) -> Response:
        wanted = {unquote(k): unquote(v) for k, v in parse_qsl(request.query_params.get("metadata", ""))}
        found = [machine for machine in self.machines.values() if wanted.items() <= machine.metadata.items()]
        return JSONResponse([self._told(machine) for machine in found])

    async def kill(self, request: Request) -> Response:
        machine = self.machines.pop(request.path_params["id"], None)
        if machine is None:
            return JSONResponse({"code": 404, "message": "no such machine"}, 404)
        await asyncio.gather(*(session.close() for session in machine.contexts.values()))
        return Response(status_code=204)

    async def set_timeout(self, request: Request) -> Response:
        machine = self.machines.get(request.path_params["id"])
        if machine is None:
            return JSONResponse({"code": 404, "message": "no such machine"}, 404)
        machine.beats += 1
        return Response(status_code=204)

    async def health(self, request: Request) -> Response:
        gone = self.unreachable or self._machine(request) is None
        return JSONResponse({"message": "sandbox not found"}, 502) if gone else Response(status_code=204)

    async def new_context(self, request: Request) -> Response:
        machine = self._machine(request)
        if machine is None:
            return JSONResponse({"message": "sandbox not found"}, 502)
        id = uuid.uuid4().hex
        machine.contexts[id] = await self.sandbox.create()
        return JSONResponse({"id": id, "language": "python", "cwd": "/home/user"})

    async def remove_context(self, request: Request) -> Response:
        machine = self._machine(request)
        session = machine.contexts.pop(request.path_params["id"], None) if machine is not None else None
        if session is None:
            return JSONResponse({"message": "no such context"}, 404)
        await session.close()
        return Response(status_code=204)

    async def execute(self, request: Request) -> Response:
        machine, wanted = self._machine(request), await request.json()
        if machine is None:
            return JSONResponse({"message": "sandbox not found"}, 502)
        if wanted["context_id"] not in machine.contexts:
            return JSONResponse({"message": "no such context"}, 404)
        if self.answer is not None:
            return Response(self.answer)
        return StreamingResponse(self._lines(machine.contexts[wanted["context_id"]], wanted["code"]))

    async def _lines(self, session: Session, code: str) -> AsyncIterator[str]:
        """The answer line by line; when the client hangs up, the interpreter is interrupted, as Jupyter's would be."""
        lines: asyncio.Queue[dict[str, Any] | None] = asyncio.Queue()

        def printed(stream: str, text: str) -> None:
            lines.put_nowait({"type": stream, "text": text, "timestamp": time.time_ns()})
            self.began.set()

        async def cell() -> CellResult:
            try:
                return await session.run(code, 60, printed)
            finally:
                lines.put_nowait(None)

        running = asyncio.create_task(cell())
        try:
            while (line := await lines.get()) is not None:
                yield json.dumps(line) + "\n"
            for line in _told(await running):
                yield json.dumps(line) + "\n"
        finally:
            if not running.done():
                os.kill(session.pid, signal.SIGINT)  # its next cell waits for the end of this one
                self.interrupted.add(running)
                running.add_done_callback(self.interrupted.discard)

    def _machine(self, request: Request) -> RentedMachine | None:
        return self.machines.get(request.headers.get("E2b-Sandbox-Id", ""))

    def _told(self, machine: RentedMachine) -> dict[str, Any]:
        now = "2026-01-01T00:00:00Z"
        return {
            "templateID": "t",
            "sandboxID": machine.id,
            "clientID": "c",
            "startedAt": now,
            "endAt": now,
            "state": "running",
            "cpuCount": 2,
            "memoryMB": 512,
            "diskSizeMB": 512,
            "envdVersion": "0.6.0",
            "metadata": machine.metadata,
        }


def _told(result: CellResult) -> list[dict[str, Any]]:
    lines: list[dict[str, Any]] = [
        {"type": "result", "png": base64.b64encode(image).decode()} for image in result.images
    ]
    if result.value is not None:
        lines.append({"type": "result", "text": result.value, "is_main_result": True})
    if result.error is not None:
        name = result.error.splitlines()[-1].partition(":")[0]
        lines.append({"type": "error", "name": name, "value": "", "traceback": f"\x1b[31m{result.error}\x1b[0m"})
    return [*lines, {"type": "number_of_executions", "execution_count": 1}, {"type": "end_of_execution"}]
