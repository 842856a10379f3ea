"""hint_infer: when the model wants to end its thinking, a hint in its own voice makes it think on."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import NamedTuple

from pydantic import Field

from ...core.errors import RequestError
from ...core.trajectory import Channel
from ...policies.base import Context
from ...policies.uniform import Uniform
from ..boundary import Boundary, BoundaryKind, Watch
from ..controller import BaseController, Params, Ruling, Setting, View
from ..edits import Inject


class Hint(NamedTuple):
    """One wording, and its name for the log."""

    name: str
    text: str


@cache
def hint_library() -> Mapping[str, tuple[Hint, ...]]:
    """The hints of each domain, read from hints.toml; a hint of domain "any" belongs to every one."""
    raw = tomllib.loads(files(__package__).joinpath("hints.toml").read_text(encoding="utf-8"))
    domains = {
        domain: tuple(Hint(f"{domain}.{name}", text) for name, text in hints.items()) for domain, hints in raw.items()
    }
    everywhere = domains.get("any", ())
    return {domain: hints if domain == "any" else hints + everywhere for domain, hints in domains.items()}


class HintInferParams(Params):
    """How often and with what the model is made to think on."""

    rounds: int = Field(default=1, ge=0, le=16)
    """Hints per trajectory; 0 watches and never hints."""
    domain: str = "math"
    """Which hints of the library; unless `hints` is given."""
    hints: tuple[str, ...] = Field(default=(), max_length=64)
    """Own wordings in place of the library's."""


class HintInfer(BaseController[int]):
    """Replaces the marker that ends thinking by a hint, for `rounds` rounds.

    The state is the number of hints given. An empty thinking block is left alone: the model chose not to think. Which
    hint is given is chosen uniformly and logged. Source: START's Hint-infer (arXiv 2503.04625), insertion at the end of
    the thinking with sequential rounds; but for the one published hint the wordings are ours (hints.toml). Insertion at
    conjunctions and the execution of code belong to tools.

    Example: rounds=1 and thinking that ends "…so 4.</think>" goes on as "…so 4.\n\nWait, let me check that. …</think>".
    """

    params = HintInferParams
    watches = (Watch(BoundaryKind.THINK_END),)

    def __init__(self, params: HintInferParams, setting: Setting) -> None:
        self._rounds = params.rounds
        library = hint_library()
        if params.hints:
            self._hints = {f"request.{number}": text for number, text in enumerate(params.hints)}
        elif params.domain in library:
            self._hints = {hint.name: hint.text for hint in library[params.domain]}
        else:
            raise RequestError(
                f"no hints for the domain {params.domain!r}; there are some for {', '.join(sorted(library))}",
                "domain",
            )
        self._policy = Uniform()

    def initial(self) -> int:
        return 0

    def at(self, state: int, boundary: Boundary, view: View) -> Ruling[int]:
        """The model closes its thinking."""
        thought = self._last_thought(boundary.position, view)
        if state >= self._rounds or not thought.strip():
            return Ruling(state)
        features = {"round": float(state), "thinking_tokens": float(view.trajectory.thinking)}
        decision = self._policy.choose(Context("hint", features, view.random, boundary.position), list(self._hints))
        hint = self._hints[decision.chosen[0]]
        return Ruling(state + 1, (Inject(_paragraph_break(thought) + hint),), (decision,))

    @staticmethod
    def _last_thought(position: int, view: View) -> str:
        """The text of the thinking that ends here, hints included; empty when there is none."""
        start = position
        for run, end in reversed(view.trajectory.spans()):
            if end <= position:
                if run.marker or run.channel is not Channel.THINK:
                    break
                start = run.start
        return view.text(start, position)


def _paragraph_break(before: str) -> str:
    """What is missing for a new paragraph: a hint begins a thought of its own."""
    if before.endswith("\n\n"):
        return ""
    return "\n" if before.endswith("\n") else "\n\n"


CONTROLLER = HintInfer
