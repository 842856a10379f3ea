"""Boundaries: positions at which controllers are asked, and what a controller declares in order to be asked."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from ..core.events import Channel


class BoundaryKind(StrEnum):
    """Where controllers can be asked; `request` is not here: it is `Controller.plan`, before there is a trajectory."""

    START = "start"
    """Before the first token."""
    THOUGHT_END = "thought_end"
    """A paragraph of thinking ended: the next one begins with a reflection word."""
    THINK_END = "think_end"
    """The model closes its thinking; the position is before the closing marker."""
    CALL_CLOSED = "call_closed"
    """The model has closed a tool call."""
    RESULT_APPENDED = "result_appended"
    """Results of the server's tools were appended; the position is behind them."""
    TOKENS = "tokens"
    """A number of sampled tokens was reached."""
    TEXT = "text"
    """Text was found in the thinking; the position is behind it."""
    ANSWER_END = "answer_end"
    """The model ended its turn; the position is before the end-of-turn token."""


class Watch(NamedTuple):
    """A kind of boundary that a controller wants to be asked at."""

    kind: BoundaryKind


class TokenWatch(NamedTuple):
    """Ask after `n` sampled tokens of a channel (None: of any); with `repeat` after every n more.

    `n` 0 asks when the channel opens. `certain`: an engine call is to end there by itself; only where tokens of every
    channel are counted, because else it might end for nothing. `logprob_ids`: report the log-probabilities of these ids
    up to there.
    """

    n: int
    channel: Channel | None = None
    repeat: bool = False
    certain: bool = False
    markers: bool = False
    """Count markers, too."""
    closes: bool = False
    """All that will happen there is that the bare end marker closes thinking: an engine may do it by itself."""
    logprob_ids: tuple[int, ...] = ()


class TextWatch(NamedTuple):
    """Ask behind text that the model thinks and that matches; never inside of code between fences.

    Text is searched line by line; injected text neither matches nor takes part in a match. `pattern` is a regular
    expression that is decided by exactly one character behind the match, which it must look at: `Wait(?=\\W)`, never
    `Wait`. At most the last `longest` characters are looked at. It is fast when it begins with letters: a condition on
    what stands before them belongs behind them. `logprobs`: have the engine report the log-probability of every token, for
    whoever asks how likely what was found was.
    """

    pattern: str
    longest: int
    logprobs: bool = False


AnyWatch = Watch | TokenWatch | TextWatch


class Boundary(NamedTuple):
    """One position at which controllers are asked.

    An edit acts at `position`: what was kept from there on is dropped. `detected` is how many tokens were kept when the
    boundary was seen: a reflection word is seen after its thought has ended.
    """

    kind: BoundaryKind
    position: int
    detected: int
    watch: TokenWatch | TextWatch | None = None
    """For `tokens` and `text`: whose number was reached, or whose text was found."""
    found: str = ""
    """For `text`: what was found, with the rest of the token that it ends in."""
