"""Hints right behind a conjunction that the model writes, such as "Wait": START's hints in the middle of the thinking."""

from __future__ import annotations

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

NO_HINT = "none"


def words_watch(words: Sequence[str]) -> TextWatch:
    """Whole words of thinking: "Wait" is one of "Wait, …" and none of "Waiting"."""
    longest_first = [re.escape(word) for word in sorted(words, key=len, reverse=True)]
    whole = "|".join(rf"{word}(?<!\w{word})" for word in longest_first)
    return TextWatch(rf"(?:{whole})(?=\W)", max(map(len, words)) + 2)


def behind(found: str, words: Sequence[str]) -> str:
    """What was found behind the word itself."""
    word = max((word for word in words if found.startswith(word)), key=len)
    return found.removeprefix(word)


class AfterWords:
    """With a chance, so many times, and far enough from the last hint; what the model had gone on with is dropped."""

    def __init__(
        self, most: int, words: Sequence[str], chance: float, distance: int, hints: Sequence[Hint], aids: Aids
    ) -> None:
        self._most, self._words, self._distance = most, words, distance
        self._hints, self._aids, self._policy = hints, aids, Sometimes(chance)
        self.watches: Sequence[AnyWatch] = (words_watch(words),) if most else ()

    def at(self, given: Given, boundary: Boundary, view: View) -> Ruling[Given]:
        """The model has written one of the words."""
        if given.after_words >= self._most or not far_enough(given, boundary, view, self._distance):
            return Ruling(given)
        hints = self._aids.useful(self._hints, view.trajectory)
        if not hints:
            return Ruling(given)
        features = {"hints": float(given.after_words), "thinking_tokens": float(view.trajectory.thinking)}
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
