"""Tokenizers: the part of a transformers fast tokenizer that is used, loading one, and looking up its markers."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Protocol, cast

from tokenizers import Tokenizer

from ...core.errors import ConfigError


class ChatTokenizer(Protocol):
    """A transformers tokenizer on the Rust backend, with a chat template."""

    @property
    def backend_tokenizer(self) -> Tokenizer: ...

    @property
    def chat_template(self) -> Any: ...

    def apply_chat_template(self, conversation: list[dict[str, Any]], **options: Any) -> Any: ...


def load_tokenizer(model: str) -> ChatTokenizer:
    """The tokenizer of a model directory or name. Raises ConfigError when there is none that serves."""
    from transformers import AutoTokenizer, PreTrainedTokenizerFast  # takes seconds, so only here

    try:
        tokenizer: Any = AutoTokenizer.from_pretrained(model)
        if not hasattr(tokenizer, "backend_tokenizer"):  # mistral-common's own class
            tokenizer = PreTrainedTokenizerFast.from_pretrained(model)
    except (OSError, ValueError, ImportError) as error:
        raise ConfigError(f"no tokenizer could be loaded for {model!r}: {error}") from error
    if not tokenizer.chat_template:
        raise ConfigError(f"the tokenizer of {model!r} has no chat template; name an instruct model, or its tokenizer")
    return cast(ChatTokenizer, tokenizer)


def has_token(backend: Tokenizer, text: str) -> bool:
    """Whether the text is exactly one token."""
    return backend.encode(text, add_special_tokens=False).ids == [backend.token_to_id(text)]


def marker_id(backend: Tokenizer, text: str, family: str) -> int:
    """The id of a marker. Raises ConfigError when it is not a single token."""
    marker = backend.token_to_id(text)
    if marker is None or not has_token(backend, text):
        pieces = backend.encode(text, add_special_tokens=False).tokens
        raise ConfigError(
            f"the chat format {family!r} needs {text!r} as one token, but this tokenizer makes {len(pieces)} of it "
            f"({' '.join(pieces)}); name another format, or format = 'auto'"
        )
    return marker


def marker_ids(backend: Tokenizer, texts: Iterable[str], family: str) -> tuple[int, ...]:
    """See `marker_id`."""
    return tuple(marker_id(backend, text, family) for text in texts)


def hidden_ids(backend: Tokenizer, visible: Iterable[str]) -> frozenset[int]:
    """Special tokens, whose text nobody is shown, but for those named visible."""
    shown = frozenset(visible)
    added = backend.get_added_tokens_decoder().items()
    return frozenset(token for token, text in added if text.special and text.content not in shown)
