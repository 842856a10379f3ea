"""Training examples as tokens with their loss mask, in batches of like length.

Shape suffixes: T tokens of one example.
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Protocol

from tokenizers import Tokenizer


class Known(Protocol):
    """A value, known by its first token, that follows from the first `end` characters of a piece."""

    @property
    def end(self) -> int:
        """Characters of the piece."""

    @property
    def value(self) -> str:
        """The value."""

    @property
    def above(self) -> int:
        """Layers above the middle one."""


class Text(Protocol):
    """A piece of text that is tokenised alone; learned or only read."""

    @property
    def text(self) -> str:
        """The piece."""

    @property
    def learned(self) -> bool:
        """Whether the loss is taken on it."""

    @property
    def known(self) -> Sequence[Known]:
        """Values that a middle layer is taught to know."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example. `learned_T[t]` says whether the loss is taken on predicting `tokens_T[t]`."""

    tokens_T: list[int]
    learned_T: list[bool]
    known: tuple[tuple[int, int, int], ...] = ()
    """Places t, the tokens that a layer is taught to know once it has read `tokens_T[t]`, and the layers by which it
    stands above the middle one."""


class Source(Protocol):
    """Draws examples, pool by pool."""

    def begin(self, pool: int) -> None:
        """A pool of examples begins."""

    def draw(self, rng: random.Random) -> Encoded:
        """One example."""


def encode(tokenizer: Tokenizer, pieces: Sequence[Text]) -> Encoded:
    """The pieces tokenised alone and joined, as the server joins them."""
    tokens_T: list[int] = []
    learned_T: list[bool] = []
    known: list[tuple[int, int, int]] = []
    texts = [piece.text for piece in pieces]
    for piece, encoding in zip(pieces, tokenizer.encode_batch(texts), strict=True):
        for value in piece.known:
            place = encoding.char_to_token(value.end - 1)
            assert place is not None, "every character belongs to a token"
            known.append((len(tokens_T) + place, tokenizer.encode(value.value).ids[0], value.above))
        tokens_T += encoding.ids
        learned_T += [piece.learned] * len(encoding.ids)
    return Encoded(tokens_T, learned_T, tuple(known))


def batches(source: Source, seed: str, batch_tokens: int, pool: int = 1024, first: int = 0) -> Iterator[list[Encoded]]:
    """Endless batches of at most `batch_tokens` padded tokens; the n-th batch depends only on the arguments and n.

    They are made pool by pool, of so many examples, beginning with the pool `first`."""
    for number in count(first):
        source.begin(number)
        rng = random.Random(f"pool/{seed}/{number}")
        examples = sorted((source.draw(rng) for _ in range(pool)), key=lambda e: len(e.tokens_T))
        ready: list[list[Encoded]] = [[]]
        for example in examples:
            if (len(ready[-1]) + 1) * len(example.tokens_T) > batch_tokens:
                ready.append([])
            ready[-1].append(example)
        rng.shuffle(ready)
        yield from ready
