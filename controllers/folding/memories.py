"""DeepAgent's three memories: what is asked for each, and how a reply is read."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, NamedTuple

from ...core.errors import FlyballError, RequestError
from ...core.events import ToolAnswered, ToolCalled
from ...core.model import ModelReply
from ..json_reply import object_in


class Kind(NamedTuple):
    """One memory: its title, the keys that it must have, and what it is made of."""

    title: str
    keys: tuple[str, ...]
    wanted: str


KINDS = (
    Kind(
        "Episode Memory",
        ("task_description", "key_events", "current_progress"),
        'what the task is, what happened and how far it got: {"task_description": "", "key_events": '
        '[{"step": "", "description": "", "outcome": ""}], "current_progress": ""}',
    ),
    Kind(
        "Working Memory",
        ("immediate_goal", "current_challenges", "next_actions"),
        'what comes next: {"immediate_goal": "", "current_challenges": "", "next_actions": '
        '[{"type": "tool_call|planning|decision", "description": ""}]}',
    ),
    Kind(
        "Tool Memory",
        ("tools_used", "derived_rules"),
        'what was learned about the tools: {"tools_used": [{"tool_name": "", "success_rate": "", "effective_parameters": '
        '[], "common_errors": [], "response_pattern": "", "experience": ""}], "derived_rules": []}',
    ),
)
_LONGEST_RESULT = 200
"""Characters of a result in the history of calls."""


class History(NamedTuple):
    """What is to be folded."""

    question: str
    earlier: str
    """The memory of earlier folds."""
    text: str
    """What was decoded since."""
    tools: tuple[str, ...]
    calls: tuple[str, ...]


def prompt_of(kind: Kind, history: History) -> str:
    """What the folding model is asked for one memory."""
    steps = [part.strip() for part in history.text.split("\n\n") if part.strip()]
    parts = [
        f"Task: {history.question}",
        f"Tools: {', '.join(history.tools) or 'none'}",
        history.earlier,
        "\n".join(f"Step {number}: {step}" for number, step in enumerate(steps, 1)),
        "Calls:\n" + "\n".join(history.calls) if kind is KINDS[2] and history.calls else "",
        f"Write as JSON, and nothing else, {kind.wanted}",
    ]
    return "\n\n".join(filter(None, parts))


def calls_since(events: Sequence[ToolCalled | ToolAnswered], position: int) -> tuple[str, ...]:
    """Calls and what came of them, in their order, from a position on."""
    called = {event.id: event for event in events if isinstance(event, ToolCalled)}
    return tuple(
        f"{event.name}({called[event.id].arguments}): {event.status}: {event.text[:_LONGEST_RESULT]}"
        for event in events
        if isinstance(event, ToolAnswered) and event.position >= position and event.id in called
    )


AskText = Callable[[str], Callable[[], Awaitable[ModelReply]]]


async def fold(history: History, ask: AskText, asks: int) -> str:
    """The memories as text: three questions at once, each asked again while its reply has another form.

    One that never comes is left out. Errors: when none does RequestError, or why the first could not be asked for.
    """
    asking = [_memory(kind, ask(prompt_of(kind, history)), asks) for kind in KINDS]
    memories = await asyncio.gather(*asking, return_exceptions=True)  # all have ended when one has failed
    failed = [memory for memory in memories if isinstance(memory, BaseException)]
    for error in failed:
        if not isinstance(error, FlyballError):
            raise error
    texts = [
        f"{kind.title}: {json.dumps(memory, ensure_ascii=False)}"
        for kind, memory in zip(KINDS, memories, strict=True)
        if isinstance(memory, dict)
    ]
    if not texts:
        raise failed[0] if failed else RequestError("no reply was a memory")
    return "\n".join(["Memory of previous folded thoughts:", *texts])


async def _memory(kind: Kind, ask: Callable[[], Awaitable[ModelReply]], asks: int) -> dict[str, Any] | None:
    for _ in range(asks):
        found = object_in((await ask()).text)
        if found is not None and any(key in found for key in kind.keys):
            return found
    return None
