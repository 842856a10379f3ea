"""The context that goes on from a memory in place of what was decoded."""

from __future__ import annotations

from ...core.events import Channel
from ..adding import with_question
from ..controller import View


def context_with(memory: str, thinking: bool, view: View) -> tuple[int, ...]:
    """The request's own prompt, system text and question included, with a memory behind the question.

    `thinking`: the model goes on inside of its thinking. No marker in the memory is one: it quotes what tools wrote.
    """
    ids = view.rendered(with_question(view.messages, view.format.quoted(memory), "\n\n"))
    if thinking and view.format.tracker(ids).channel is not Channel.THINK:
        ids = [*ids, *view.format.think_open_ids]
    return tuple(ids)


def decoded_since_fold(view: View, position: int) -> str:
    """The text that a context up to `position` holds besides its beginning."""
    return view.text(view.trajectory.context_start(position), position)
