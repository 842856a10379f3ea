"""A model family as data: what `TokenizerFormat` needs to know; texts, never ids."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

import msgspec

from ...core.chat_format import Fence, Thinking

_DEVELOPER_IS_SYSTEM: Mapping[str, str] = MappingProxyType({"developer": "system"})


class ThinkData(msgspec.Struct, frozen=True, kw_only=True):
    """How thinking is marked. `open` and `close` are single tokens."""

    open: str = "<think>"
    close: str = "</think>"
    open_text: str = "<think>\n"
    """What is written to put the model inside thinking."""
    close_text: str = "\n</think>\n\n"
    """What follows the closing phrase when thinking is ended for the model; it holds `close` once."""
    empty: str = "<think>\n\n</think>\n\n"
    """What is written so that the model does not think."""
    decision_prefix: str | None = None
    """What is written where the next token decides; None: the family has no such place."""
    no_think: tuple[str, ...] = ()
    """Texts whose first token, sampled after the prefix, means no thinking."""
    template_args: Mapping[Thinking, Mapping[str, Any]] = {}
    """What the chat template is told, by what is asked."""
    optional: bool = False
    """Tokenizers of the family without the markers exist: these models do not think."""

    @property
    def answer_text(self) -> str:
        """What stands between the closing token and the answer."""
        return self.close_text.partition(self.close)[2]


class CallData(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens around calls. Without a closing one the end of the turn closes the call."""

    open: tuple[str, ...] = ()
    close: tuple[str, ...] = ()
    inner: tuple[str, ...] = ()
    """Markers between two calls of one block."""
    visible: tuple[str, ...] = ()
    """Special tokens inside of a call whose text the call parser needs."""
    optional: bool = False
    """Tokenizers of the family without the tokens exist: these models make no calls."""


class FamilyData(msgspec.Struct, frozen=True, kw_only=True):
    """One model family."""

    name: str
    eos: tuple[str, ...]
    """Tokens that end the turn; those that a tokenizer lacks are left out, one must be there."""
    turn_open: tuple[str, ...]
    """Tokens that stand before an assistant turn; the tracker reads what follows the last one in the prompt."""
    think: ThinkData | None = None
    calls: CallData | None = None
    reflection_words: tuple[str, ...] = ()
    reads_effort: bool = False
    """The template is told of a `reasoning_effort`, and the models were trained to heed it."""
    reasoning_key: str | None = None
    """Where the template looks for the thinking of an earlier turn; None: it is left out."""
    arguments: Literal["object", "text"] = "object"
    """In which form the template wants the arguments of earlier calls."""
    null_content: bool = False
    """The template tells calls from an answer by a content of None; elsewhere it is "" at least."""
    call_turn_end: str | None = None
    """What ends a turn that holds calls; None: the first of `eos`."""
    fence: Fence | None = None
    """How code is written that runs inside of thinking; None: the family was not trained to."""
    roles: Mapping[str, str] = _DEVELOPER_IS_SYSTEM
    """Roles that the family does not know, and what it has in their place."""
