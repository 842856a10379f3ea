"""Raw decoding: token ids that grow, what is appended being tokenised alone, as the server does it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tokenizers import Tokenizer

from ..reasoner.prompts import render
from .asking import Asker
from .rows import Reply

OPEN_THINK, CLOSE_THINK = "<think>\n", "\n</think>\n\n"


class Line:
    """A question's prompt with the thinking opened, as T token ids; `text` is what stands behind that."""

    def __init__(self, tokenizer: Tokenizer, question: str) -> None:
        self._tokenizer = tokenizer
        prompt = render([{"role": "user", "content": question}])
        self.tokens_T: list[int] = [*tokenizer.encode(prompt).ids, *tokenizer.encode(OPEN_THINK).ids]
        self.text = ""

    def append(self, text: str) -> None:
        """Text, whoever wrote it."""
        self.tokens_T += self._tokenizer.encode(text).ids
        self.text += text

    async def go_on(self, asker: Asker, max_tokens: int, stop: Sequence[str] = (), **fields: Any) -> Reply:
        """Lets the model write until a stop string, which is left out, or the end of its turn."""
        reply = (await asker.go_on([self.tokens_T], max_tokens, stop=list(stop), **fields))[0]
        self.append(reply.content)
        return reply
