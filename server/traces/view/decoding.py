"""Text of stored token ids, without a server and without the model's weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import cache
from itertools import groupby
from pathlib import Path

from tokenizers import Tokenizer

from ....controllers.formats.tokenizer import load_tokenizer
from ....core.errors import ConfigError
from ...config import PACKAGED
from ..records import HIDDEN

Decode = Callable[[Sequence[int]], str]


@cache
def decoder(tokenizer: str) -> Decode:
    """What reads the ids of a tokenizer: a folder, a hub name, or a packaged model. Errors: ConfigError."""
    folder = Path(PACKAGED.get(tokenizer, tokenizer))
    file = folder / "tokenizer.json"
    backend = Tokenizer.from_file(str(file)) if file.is_file() else load_tokenizer(str(folder)).backend_tokenizer
    return lambda ids: str(backend.decode(list(ids), skip_special_tokens=False))


def plain_ids(ids: Sequence[int]) -> str:
    """The ids themselves, where no tokenizer is at hand. Example: "«17 4»"."""
    return f"«{' '.join(map(str, ids))}»"


def decoder_or_ids(tokenizer: str | None) -> tuple[Decode, str | None]:
    """A decoder, else one that shows the ids, and then why."""
    if tokenizer is None:
        return plain_ids, "the trace does not say which tokenizer reads it"
    try:
        return decoder(tokenizer), None
    except ConfigError as error:
        return plain_ids, str(error)


def readable(ids: Sequence[int], decode: Decode) -> str:
    """The text of ids; in place of hidden ones how many they are."""
    return "".join(_stretches(ids, decode))


def _stretches(ids: Sequence[int], decode: Decode) -> Iterator[str]:
    for hidden, stretch in groupby(ids, lambda id: id == HIDDEN):
        tokens = list(stretch)
        yield f"[{len(tokens)} redacted]" if hidden else decode(tokens)
