"""Hints right behind a conjunction that the model writes, such as "Wait": START's hints in the middle of the thinking."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from ...policies.base import Context
from ...policies.sometimes import Sometimes
from ..boundary import AnyWatch, Boundary, TextWatch
from ..controller import Ruling, View
from ..edits import Inject
from .aids import Aids
from .given import Given, far_enough, sampled_before
from .joining import behind_word
from .library import Hint
from .params import HintInferParams

NO_HINT = "none"


def words_watch(words: Sequence[str], logprobs: bool = False) -> TextWatch:
    """Whole words of thinking: "Wait" is one of "Wait, …" and none of "Waiting"."""
    longest_first = [re.escape(word) for word in sorted(words, key=len, reverse=True)]
    whole = "|".join(rf"{word}(?<!\w{word})" for word in longest_first)
    return TextWatch(rf"(?:{whole})(?=\W)", max(map(len, words)) + 2, logprobs)


def behind(found: str, words: Sequence[str]) -> str:
    """What was found behind the word itself."""
    word = max((word for word in words if found.startswith(word)), key=len)
    return found.removeprefix(word)


def probability(boundary: Boundary, view: View) -> float | None:
    """With which the model wrote what was found, the rest of its last token included; None: the engine has not said.

    Example: "Wait" in one token of probability 0.6 and "," in one of 0.5 give 0.6 where the word alone was found.
    """
    start, reported = boundary.position, view.trajectory.logprobs
    total = 0.0
    while start and not view.text(start, boundary.position).endswith(boundary.found):
        start -= 1
        if start not in reported:
            return None
        total += reported[start].logprob
    return math.exp(total)


class AfterWords:
    """With a chance, so many times, and far enough from the last hint; what the model had gone on with is dropped.

    `sure`: only behind words that the model wrote with so high a probability.
    """

    def __init__(self, params: HintInferParams, hints: Sequence[Hint], aids: Aids) -> None:
        self._most, self._words, self._distance = params.after_words, params.words, params.distance
        self._hints, self._aids, self._policy = hints, aids, Sometimes(params.chance)
        self._sure = params.sure
        self.watches: Sequence[AnyWatch] = (words_watch(self._words, self._sure > 0),) if self._most else ()

    def at(self, given: Given, boundary: Boundary, view: View) -> Ruling[Given]:
        """The model has written one of the words."""
        if given.after_words >= self._most or not far_enough(given, boundary, view, self._distance):
            return Ruling(given)
        hints = self._aids.useful(self._hints, view.trajectory)
        likely = probability(boundary, view)
        if not hints or (self._sure and (likely is None or likely < self._sure)):
            return Ruling(given)
        features = {"hints": float(given.after_words), "thinking_tokens": float(view.trajectory.thinking)}
        if likely is not None:
            features["word_probability"] = likely
        context = Context("hint_after_word", features, view.random, boundary.position)
        decision = self._policy.choose(context, [NO_HINT, *hints])
        if decision.chosen == (NO_HINT,):
            return Ruling(given, (), (decision,))
        hint = hints[decision.chosen[0]]
        text = behind_word(behind(boundary.found, self._words), hint.text) + self._aids.opening_of(hint)
        now = given._replace(
            last=sampled_before(boundary, view),
            after_words=given.after_words + 1,
            calls_for=self._aids.calls_for(hint.tool, text, view.trajectory),
        )
        return Ruling(now, (Inject(text),), (decision,))
