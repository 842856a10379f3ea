"""Conversations in which nothing is searched: chains and big numbers, and lookups without documents."""

import random

from tokenizers import Tokenizer

from .behaviour import Behaviour
from .endings import EMPTY_THINK, answer, close, cut
from .hints import hint_at_end, hint_at_start, hint_in_middle
from .problems import Problem
from .scratch import Piece, Scratch
from .thinking import Thinker


def skips(rng: random.Random, behaviour: Behaviour, problem: Problem) -> bool:
    """Whether the model opens with an empty think block by itself."""
    if problem.question.kind != "chain":
        return rng.random() < behaviour.skip_other
    return rng.random() < behaviour.skip[min(problem.question.difficulty, len(behaviour.skip)) - 1]


def silent(problem: Problem, prefilled: bool) -> list[Piece]:
    """The answer without thinking; the empty block is the model's own unless the prompt holds it."""
    text = answer(problem.answer)
    return [Piece(text if prefilled else EMPTY_THINK + text, True)]


def think(
    rng: random.Random, behaviour: Behaviour, tokenizer: Tokenizer, problem: Problem, declared: bool = False
) -> list[Piece]:
    """A turn with thinking, and whatever a controller does to it. `declared`: Python is a declared tool."""
    thinker = Thinker(rng, behaviour, problem, Scratch(), declared)
    thinker.begin()
    event = rng.random()
    at_start = event < behaviour.hint_at_start
    in_middle = not at_start and event < behaviour.hint_at_start + behaviour.hint_in_middle
    at_end = not (at_start or in_middle) and rng.random() < behaviour.hint_at_end
    if at_start:
        hint_at_start(thinker)
    elif problem.code is not None and rng.random() < behaviour.own_python:
        thinker.own_python()
    else:
        thinker.attempt()
    if in_middle:
        hint_in_middle(thinker)
    _overthink(thinker, hinted=at_end)
    if at_end:
        hint_at_end(thinker)
    assert thinker.stated is not None
    close(thinker.scratch, thinker.stated)
    if not (at_start or in_middle or at_end) and rng.random() < behaviour.cut + behaviour.probe:
        return cut(rng, behaviour, tokenizer, thinker.scratch, problem.answer)
    return thinker.scratch.pieces


def _overthink(thinker: Thinker, hinted: bool) -> None:
    if thinker.trusting:
        return
    if hinted and thinker.rng.random() < 0.4:
        return  # so that a hint also meets a mistake that was not found yet
    behaviour = thinker.behaviour
    read = thinker.computed or thinker.problem.code is None
    thinker.verify(behaviour.source_checks if read else behaviour.verifications)
