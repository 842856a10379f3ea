"""A tokenizer made from bytes and a family's markers: the double of a model's tokenizer, for tests and examples."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, cast

from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from .tokenizer import ChatTokenizer


def byte_tokenizer(template: str, *, special: Iterable[str] = (), markers: Iterable[str] = ()) -> ChatTokenizer:
    """A token for every byte, one for an empty line, and one for each marker; `special` ones leave no text.

    Example: byte_tokenizer("...", special=["<|im_end|>"], markers=["<think>"]) writes "<think>no" in three tokens.
    """
    from transformers import PreTrainedTokenizerFast  # takes seconds, so only here

    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {piece: index for index, piece in enumerate([*alphabet, "ĊĊ"])}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[("Ċ", "Ċ")]))
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    backend.decoder = decoders.ByteLevel()
    backend.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    backend.add_tokens([AddedToken(text, special=False, normalized=False) for text in markers])
    make: Any = PreTrainedTokenizerFast
    tokenizer = make(tokenizer_object=backend, clean_up_tokenization_spaces=False)
    tokenizer.chat_template = template
    return cast(ChatTokenizer, tokenizer)
