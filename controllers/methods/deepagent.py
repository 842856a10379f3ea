"""deepagent: a long line of thought is folded into three memories, and goes on from them."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec
from pydantic import Field

from ...core.events import Channel
from ...core.model import ModelReply
from ..adding import last_question, with_system
from ..boundary import Boundary, BoundaryKind, TextWatch, Watch
from ..controller import BaseController, Params, Pending, Plan, Reach, Ruling, Setting, View
from ..edits import ReplaceContext
from ..folding.context import context_with, decoded_since_fold
from ..folding.memories import History, calls_since, fold
from ..known_models import check_model
from ..side import SELF, Question

TAG = "<fold_thought>"
TOLD = (
    f"When your thinking has become long, or led nowhere, write {TAG} on a line of its own: what you have thought "
    "and found is kept in short, and you go on with a fresh mind."
)


class DeepAgentParams(Params):
    """When thoughts are folded, and by which model."""

    folds: int = Field(default=3, ge=0, le=32)
    """At most. Published: 3."""
    fold_at: int | None = Field(default=None, ge=1)
    """Tokens of a context that is folded behind a result without being asked. Ours; None: three quarters of what fits."""
    tell: bool = True
    """Tell the model, in the system text, that it may fold. Ours: the wording."""
    actions: int | None = Field(default=50, ge=0)
    """Calls of the server's tools; then the model is told to answer. Published: 50; None: no cap."""
    model: str = SELF
    """The model that writes the memories. Published: Qwen2.5-32B-Instruct."""
    asks: int = Field(default=2, ge=1, le=8)
    """How often a memory is asked for until it has the right form. Ours."""
    max_tokens: int = Field(default=1024, ge=1)
    """Of a memory. Ours."""
    seconds: float = Field(default=60.0, gt=0)
    """For which the memories are awaited. Ours."""


class Folds(NamedTuple):
    """What was folded so far."""

    begun: int = 0
    memory: str = ""
    thinking: bool = False
    """Whether the model was thinking where the last fold began."""
    open: bool = False
    tag_at: int = 0
    """Where the tag stood that was heeded last: behind a fold the same tag is seen again."""


class DeepAgent(BaseController[Folds]):
    """Where the model writes `<fold_thought>`, or its context is long, memories replace what it has thought and read.

    Source: DeepAgent (arXiv 2510.21618, its code). Episode, working and tool memory are asked for at once, and stand behind
    the question in a new context; system text and question always stay. Mended bugs of the published code: the memories
    know which tools there are, a second fold takes the first one's memory and what came since (not everything again), and
    what was folded away may be fetched again (equal calls are no longer answered from memory). Ours: `fold_at`, that a
    memory of another form is asked for again and then left out, and that without any memory nothing is folded. The client
    still reads everything; what was decoded while the memories were written is dropped, and charged. Tools keep their
    state.

    Example: "…\\n<fold_thought>\\n" in the thinking: the next engine call sees the prompt with "Memory of previous folded
    thoughts: …" behind the question, and open thinking.
    """

    params = DeepAgentParams
    reach = Reach.VERDICTS

    def __init__(self, params: DeepAgentParams, setting: Setting) -> None:
        self._params = params
        self._at = params.fold_at or max(1, setting.abilities.context_length * 3 // 4)
        self._tools = tuple(sorted(setting.tools | ({setting.fenced} if setting.fenced is not None else set())))
        check_model(params.model, "model", setting)
        self._tag = TextWatch(rf"{re.escape(TAG)}(?=[\s\S])", len(TAG) + 1)
        self.watches = (Watch(BoundaryKind.RESULT_APPENDED), self._tag) if params.folds else ()

    def plan(self, plan: Plan) -> Plan:
        """The model is told of the tag; the cap on calls is the loop's to enforce."""
        caps = [calls for calls in (plan.call_limit, self._params.actions) if calls is not None]
        told = with_system(plan.messages, TOLD) if self._params.tell and self._params.folds else plan.messages
        return msgspec.structs.replace(plan, messages=told, call_limit=min(caps, default=None))

    def initial(self) -> Folds:
        return Folds()

    def at(self, state: Folds, boundary: Boundary, view: View) -> Ruling[Folds]:
        """The tag was written, or results were appended."""
        asked_for = boundary.watch is not None and boundary.position > state.tag_at
        long = view.trajectory.context_tokens(boundary.position) >= self._at
        if state.open or state.begun >= self._params.folds or not (asked_for or long):
            return Ruling(state)
        history = self._history(state, boundary.position, view)

        def ask(text: str) -> Callable[[], Awaitable[ModelReply]]:
            question = Question(messages=({"role": "user", "content": text},), max_tokens=self._params.max_tokens)
            return view.side.ask(self._params.model, question)

        thinking = asked_for or view.channel is Channel.THINK
        tag_at = boundary.position if asked_for else state.tag_at
        now = state._replace(begun=state.begun + 1, thinking=thinking, open=True, tag_at=tag_at)
        return Ruling(now, pending=Pending(lambda: fold(history, ask, self._params.asks), self._params.seconds))

    def _history(self, state: Folds, position: int, view: View) -> History:
        since = view.trajectory.context_start(position)
        calls = calls_since(view.trajectory.tool_events, since)
        text = decoded_since_fold(view, position).replace(TAG, "")
        return History(last_question(view.messages), state.memory, text, self._tools, calls)

    def verdict(self, state: Folds, boundary: Boundary, result: str | None, view: View) -> Ruling[Folds]:
        """The memories are there; they replace the context if they are shorter."""
        closed = state._replace(open=False)
        if result is None:
            return Ruling(closed)
        ids = context_with(result, state.thinking, view)
        if len(ids) >= view.trajectory.context_tokens(boundary.position):
            return Ruling(closed)
        return Ruling(closed._replace(memory=result), (ReplaceContext(ids),))


CONTROLLER = DeepAgent
