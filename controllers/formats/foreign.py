"""Text that others wrote, for example a tool's result: what looks like a marker in it is none."""

from __future__ import annotations

import re
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from tokenizers import Tokenizer

_CUT = "\ufdd0"  # a noncharacter: no text that is exchanged holds it


class ForeignText:
    """Cuts every marker in two, so that its halves are tokenised alone and no marker comes of them.

    `marked` says where to cut; the text can then be put into a template. `ids` cuts there and tokenises the pieces.
    """

    def __init__(self, backend: Tokenizer) -> None:
        self._backend = backend
        markers = {added.content for added in backend.get_added_tokens_decoder().values() if len(added.content) > 1}
        begin = "|".join(map(re.escape, sorted(markers, key=len, reverse=True)))
        self._first = re.compile(rf"(?=(?:{begin}))(.)", re.DOTALL) if markers else None

    def marked(self, text: str) -> str:
        """The text with a cut behind the first character of every marker; halves of surrogate pairs are replaced."""
        text = text.encode(errors="replace").decode().replace(_CUT, "")
        return text if self._first is None else self._first.sub(rf"\1{_CUT}", text)

    def in_message(self, message: Mapping[str, Any], reasoning_key: str | None) -> dict[str, Any]:
        """A message with all text `marked` that tools, or a model that quotes them, may have written.

        That is a tool's message, and of an assistant's the calls and the thinking, which shows results. Content is the
        client's to write.
        """
        keys: AbstractSet[str | None] = set()
        match message["role"]:
            case "tool":
                keys = message.keys() - {"role"}
            case "assistant":
                keys = {"tool_calls", reasoning_key}
        return {key: self.marked_in(value) if key in keys else value for key, value in message.items()}

    def marked_in(self, value: Any) -> Any:
        """The same with every text in it `marked`."""
        match value:
            case str():
                return self.marked(value)
            case Mapping():
                return {self.marked_in(key): self.marked_in(each) for key, each in value.items()}
            case list():
                return [self.marked_in(each) for each in value]
        return value

    def ids(self, marked: str) -> list[int]:
        """The ids of text in which foreign parts are `marked`."""
        pieces = marked.split(_CUT)
        return [token for piece in pieces for token in self._backend.encode(piece, add_special_tokens=False).ids]
