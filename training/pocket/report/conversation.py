"""A conversation with tools that the client runs, until the model answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..world.question import Question
from .asking import Asker
from .rows import Reply, Row, row
from .toolbox import Tools

MAX_TOKENS = 900


async def converse(
    asker: Asker,
    question: Question,
    tools: Tools,
    rounds: int,
    *,
    reasoning_back: bool = True,
    first: Mapping[str, Any] | None = None,
    **fields: Any,
) -> Row:
    """Asks, runs what is called, sends it back, for at most so many rounds of calls.

    `reasoning_back`: the history carries the model's own thinking; `first`: fields of the first request only."""
    messages: list[dict[str, Any]] = [{"role": "user", "content": question.text}]
    replies: list[Reply] = []
    extra = dict(first or {})
    while True:
        reply = await asker.chat(messages, MAX_TOKENS, tools=tools.schemas, **fields, **extra)
        replies.append(reply)
        if not reply.calls or len(replies) > rounds:
            return row(question, *replies)
        messages.append(_turn(reply, reasoning_back))
        results = zip(reply.calls, tools.run(reply.calls), strict=True)
        messages += [{"role": "tool", "tool_call_id": call.id, "content": result} for call, result in results]
        extra = {}


def _turn(reply: Reply, reasoning_back: bool) -> dict[str, Any]:
    """The model's turn as a client sends it back."""
    functions = [(call.id, {"name": call.name, "arguments": call.arguments}) for call in reply.calls]
    turn: dict[str, Any] = {
        "role": "assistant",
        "content": reply.content or None,
        "tool_calls": [{"id": id, "type": "function", "function": function} for id, function in functions],
    }
    return turn | ({"reasoning_content": reply.thinking} if reasoning_back else {})
