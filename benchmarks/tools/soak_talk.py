"""One conversation with Python after the other, as clients have them: streamed and plain, with a session and without, some left in the middle."""

import json
from collections import Counter
from collections.abc import Mapping
from itertools import count
from random import Random
from typing import Any

import aiohttp

TURNS = 3
PRESETS = """
[presets.opened]
controllers = [
    { name = "adaptive_think", mode = "think" },
    { name = "hint_infer", prefill = true, hints = ["Let me use Python to verify this.\\n```python\\n"] },
]
"""
"""Has the pocket model use Python in its thinking."""


class Failure(RuntimeError):
    """Something that no client should see."""


class Talker:
    """Talks to a server, and counts what came of it. One object for all clients."""

    def __init__(self, http: aiohttp.ClientSession, seed: int = 0) -> None:
        self._http, self._seed, self._number = http, seed, count()
        self.ended: Counter[str] = Counter()
        """Conversations, by their kind."""
        self.results: Counter[str] = Counter()
        """Calls of Python, by status."""
        self.answers: Counter[str] = Counter()
        """Right, wrong, and those that were left."""
        self.failures: list[str] = []

    async def talk(self) -> None:
        """One conversation, of the next kind; a failure is kept."""
        number = next(self._number)
        kind = "left in the middle" if number % 8 == 7 else "with a session" if number % 2 else "without a session"
        try:
            await self._converse(
                Random(self._seed + number), f"soak-{number}" if kind == "with a session" else None, kind
            )
        except (Failure, aiohttp.ClientError, TimeoutError, ValueError, KeyError) as error:
            self.failures.append(f"conversation {number}, {kind}: {error!r}")
        self.ended[kind] += 1

    async def _converse(self, random: Random, session: str | None, kind: str) -> None:
        if session is not None:
            await self._cell(session, f"kept = {session!r}")
        for turn in range(TURNS):
            first, second = random.randint(100, 9999), random.randint(100, 9999)
            block: dict[str, Any] = {"tools": ["python"], "fenced": "only", "events": True}
            if session is not None:
                block["session"] = session
            body = {
                "model": "pocket:opened",
                "messages": [{"role": "user", "content": f"What is {first} * {second}?"}],
                "max_tokens": 800,
                "seed": random.randint(0, 2**31),
                "flyball": block,
            }
            if kind == "left in the middle":
                await self._leave(body, after=random.randint(1, 40))
            else:
                self._note(str(first * second), await (self._streamed(body) if turn % 2 else self._plain(body)))
        if session is not None:
            if (kept := await self._cell(session, "kept")) != repr(session):
                raise Failure(f"the session did not keep its variable, but gave {kept!r}")
            await self._delete(session)

    def _note(self, right: str, said: tuple[str, list[dict[str, Any]]]) -> None:
        content, events = said
        statuses = [event["status"] for event in events if event["type"] == "tool_result"]
        self.results.update(statuses)
        self.answers["right" if f"{{{right}}}" in content else "wrong"] += 1
        if unfit := [status for status in statuses if status in ("infra", "oom", "timeout")]:
            raise Failure(f"a call of Python ended as {unfit[0]}")

    async def _plain(self, body: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
        async with self._http.post("/v1/chat/completions", json=body) as response:
            answer = await _json(response)
            return answer["choices"][0]["message"]["content"] or "", answer["flyball"]["events"]

    async def _streamed(self, body: Mapping[str, Any]) -> tuple[str, list[dict[str, Any]]]:
        content, done = "", False
        events: list[dict[str, Any]] = []
        async with self._http.post("/v1/chat/completions", json={**body, "stream": True}) as response:
            _check(response)
            async for line in response.content:
                if line == b"data: [DONE]\n":
                    done = True
                elif line.startswith(b"data: "):
                    chunk = json.loads(line[6:])
                    if "error" in chunk:
                        raise Failure(f"the stream says {chunk['error']}")
                    events += chunk.get("flyball", {}).get("events", [])
                    content += "".join(choice["delta"].get("content") or "" for choice in chunk["choices"])
        if not done:
            raise Failure("the stream ended without [DONE]")
        return content, events

    async def _leave(self, body: Mapping[str, Any], after: int) -> None:
        """A client that goes away after so many events."""
        async with self._http.post("/v1/chat/completions", json={**body, "stream": True}) as response:
            _check(response)
            async for line in response.content:
                after -= line.startswith(b"data: ")
                if after <= 0:
                    response.close()
                    break
        self.answers["left"] += 1

    async def _cell(self, session: str, code: str) -> str:
        call = {"tool": "python", "arguments": {"code": code}, "session": session}
        async with self._http.post("/v1/flyball/tools/execute", json={"calls": [call]}) as response:
            (result,) = (await _json(response))["results"]
        self.results[result["status"]] += 1
        if result["status"] != "ok":
            raise Failure(f"{code!r} ended as {result['status']}: {result['text']}")
        return str(result["text"])

    async def _delete(self, session: str) -> None:
        async with self._http.delete(f"/v1/flyball/sessions/{session}") as response:
            if not (await _json(response))["deleted"]:
                raise Failure("the session was gone before it was deleted")


def _check(response: aiohttp.ClientResponse) -> None:
    if response.status != 200:
        raise Failure(f"status {response.status}")


async def _json(response: aiohttp.ClientResponse) -> Any:
    if response.status != 200:
        raise Failure(f"status {response.status}: {await response.text()}")
    return await response.json()
