"""Requests to the server, and what is read from its responses. A failure is data."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from .rows import Call, Reply

if TYPE_CHECKING:
    import httpx

TIMEOUT = 600.0
"""Seconds a request may take; only a server that hangs needs them."""
_SHOWN = 300

Messages = Sequence[Mapping[str, Any]]


class _Function(msgspec.Struct):
    name: str
    arguments: str


class _Call(msgspec.Struct):
    id: str
    function: _Function


class _Message(msgspec.Struct):
    content: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[_Call] = []


class _Top(msgspec.Struct):
    token: str
    logprob: float


class _Token(msgspec.Struct):
    top_logprobs: list[_Top] = []


class _Logprobs(msgspec.Struct):
    content: list[_Token] = []


class _Choice(msgspec.Struct):
    index: int
    message: _Message
    finish_reason: str
    logprobs: _Logprobs | None = None

    def reply(self) -> Reply:
        """As it is kept."""
        said = self.message
        tokens = self.logprobs.content if self.logprobs else []
        return Reply(
            content=said.content or "",
            thinking=(said.reasoning_content or "").strip("\n"),
            calls=tuple(Call(call.id, call.function.name, call.function.arguments) for call in said.tool_calls),
            finish=self.finish_reason,
            tops={top.token: top.logprob for top in tokens[0].top_logprobs} if tokens else {},
        )


class _Chat(msgspec.Struct):
    choices: list[_Choice]


class _TextLogprobs(msgspec.Struct):
    top_logprobs: list[dict[str, float]] = []


class _TextChoice(msgspec.Struct):
    index: int
    text: str
    finish_reason: str
    logprobs: _TextLogprobs | None = None

    def reply(self) -> Reply:
        """As it is kept."""
        tops = self.logprobs.top_logprobs if self.logprobs else []
        return Reply(content=self.text, finish=self.finish_reason, tops=tops[0] if tops else {})


class _Completion(msgspec.Struct):
    choices: list[_TextChoice]


class Asker:
    """Asks the one model of a server; greedily, unless a temperature is given."""

    def __init__(self, client: httpx.AsyncClient, model: str) -> None:
        self._client, self._model = client, model

    async def chat(self, messages: Messages, max_tokens: int, **fields: Any) -> Reply:
        """One turn of a conversation."""
        return (await self.samples(messages, 1, max_tokens, **fields))[0]

    async def samples(self, messages: Messages, n: int, max_tokens: int, **fields: Any) -> list[Reply]:
        """`n` turns of the same conversation."""
        body = {"messages": list(messages), "n": n, "max_tokens": max_tokens, **_sampling(fields)}
        content, error = await self._post("chat/completions", body)
        if error is None:
            try:
                choices = msgspec.json.decode(content, type=_Chat).choices
                return [choice.reply() for choice in sorted(choices, key=lambda choice: choice.index)]
            except msgspec.DecodeError as failure:
                error = f"not a chat completion: {failure}"[:_SHOWN]
        return [Reply(error=error)] * n

    async def go_on(self, prompts_T: Sequence[Sequence[int]], max_tokens: int, **fields: Any) -> list[Reply]:
        """Each prompt of T token ids, continued as it is; the text is the reply's content."""
        body = {"prompt": [list(prompt_T) for prompt_T in prompts_T], "max_tokens": max_tokens, **_sampling(fields)}
        content, error = await self._post("completions", body)
        if error is None:
            try:
                choices = msgspec.json.decode(content, type=_Completion).choices
                return [choice.reply() for choice in sorted(choices, key=lambda choice: choice.index)]
            except msgspec.DecodeError as failure:
                error = f"not a completion: {failure}"[:_SHOWN]
        return [Reply(error=error)] * len(prompts_T)

    async def _post(self, path: str, body: dict[str, Any]) -> tuple[bytes, str | None]:
        import httpx

        try:
            async with asyncio.timeout(TIMEOUT):
                response = await self._client.post(path, json={"model": self._model, **body})
        except TimeoutError:
            return b"", f"no response within {TIMEOUT:g} s"
        except httpx.HTTPError as error:
            return b"", f"{type(error).__name__}: {error}"[:_SHOWN]
        if not response.is_success:
            return b"", f"HTTP {response.status_code}: {response.text}"[:_SHOWN]
        return response.content, None


def _sampling(fields: dict[str, Any]) -> dict[str, Any]:
    """Greedy by default; a model's own default for top_p is never used."""
    return {"temperature": 0, "top_p": 1.0, **fields}
