"""One chat request, and what is read from its response. A failure is data."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import msgspec

from .rows import Tokens

if TYPE_CHECKING:
    import httpx

_SHOWN = 500


class _Message(msgspec.Struct):
    content: str | None = None


class _Choice(msgspec.Struct):
    message: _Message
    finish_reason: str | None = None


class _Details(msgspec.Struct):
    reasoning_tokens: int | None = None


class _PromptDetails(msgspec.Struct):
    cached_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    prompt_tokens_details: _PromptDetails | None = None
    completion_tokens: int | None = None
    completion_tokens_details: _Details | None = None


class _Flyball(msgspec.Struct):
    tokens: Tokens | None = None
    trace_id: str | None = None
    ledger: dict[str, Any] | None = None
    acted: list[Any] = []


class Completion(msgspec.Struct):
    """The part of a chat completion that is evaluated."""

    choices: list[_Choice]
    usage: _Usage | None = None
    flyball: _Flyball | None = None

    def fields(self) -> dict[str, Any]:
        """What of it goes into a row."""
        choice, usage, flyball = self.choices[0], self.usage or _Usage(), self.flyball or _Flyball()
        details, prompt = usage.completion_tokens_details or _Details(), usage.prompt_tokens_details or _PromptDetails()
        return {
            "content": choice.message.content or "",
            "finish": choice.finish_reason,
            "prompt_tokens": usage.prompt_tokens,
            "cached_tokens": prompt.cached_tokens,
            "completion_tokens": usage.completion_tokens,
            "reasoning_tokens": details.reasoning_tokens,
            **msgspec.structs.asdict(flyball),
        }


class Reply(msgspec.Struct, frozen=True):
    """A response, or the error in its place; `seconds` from sending until all was read."""

    seconds: float
    error: str | None = None
    fields: dict[str, Any] = {}


async def ask(client: httpx.AsyncClient, body: dict[str, Any], timeout: float) -> Reply:
    """Send one chat request and read the response; an HTTP or format error is the reply's `error`."""
    import httpx

    started = time.perf_counter()
    try:
        async with asyncio.timeout(timeout):  # httpx's own would bound each read, and an in-process server not at all
            response = await client.post("chat/completions", json=body, timeout=None)
    except TimeoutError:
        return Reply(time.perf_counter() - started, f"no response within {timeout:g} s")
    except httpx.HTTPError as error:
        return Reply(time.perf_counter() - started, f"{type(error).__name__}: {error}"[:_SHOWN])
    seconds = time.perf_counter() - started
    if not response.is_success:
        return Reply(seconds, f"HTTP {response.status_code}: {_message(response)}"[:_SHOWN])
    try:
        return Reply(seconds, None, msgspec.json.decode(response.content, type=Completion).fields())
    except (msgspec.DecodeError, UnicodeDecodeError, IndexError) as error:
        return Reply(seconds, f"not a chat completion: {error}"[:_SHOWN])


def _message(response: httpx.Response) -> str:
    """The message of an OpenAI error body, else the body itself."""
    try:
        return str(response.json()["error"]["message"])
    except (ValueError, KeyError, TypeError):
        return response.text
