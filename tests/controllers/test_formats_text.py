"""Text of tokens while they arrive."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models

from flyball.controllers.formats.byte_tokenizer import byte_tokenizer
from flyball.controllers.formats.text import BackendTextStream
from flyball.controllers.formats.tokenizer import hidden_ids

BACKEND = byte_tokenizer("", special=["<end>", "[ARGS]"], markers=["<think>"]).backend_tokenizer
TEXTS = st.text(st.characters(exclude_characters="\ufffd", exclude_categories=["Cs"]))


@given(TEXTS, st.integers(1, 5))
def test_pieces_concatenate_to_the_whole_text(text: str, size: int) -> None:
    ids = BACKEND.encode(text, add_special_tokens=False).ids
    stream = BackendTextStream(BACKEND, frozenset())
    assert "".join(stream.feed(ids[at : at + size]) for at in range(0, len(ids), size)) == text


def test_half_a_character_is_held_back() -> None:
    stream = BackendTextStream(BACKEND, frozenset())
    assert [stream.feed([token]) for token in BACKEND.encode("a€").ids] == ["a", "", "", "€"]


def test_special_tokens_leave_no_text_unless_they_are_visible() -> None:
    ids = BACKEND.encode("a<end>[ARGS]<think>b").ids
    assert BackendTextStream(BACKEND, hidden_ids(BACKEND, ())).feed(ids) == "a<think>b"
    assert BackendTextStream(BACKEND, hidden_ids(BACKEND, ("[ARGS]",))).feed(ids) == "a[ARGS]<think>b"


@pytest.fixture
def byte_fallback() -> Tokenizer:
    """Sentencepiece's way of writing bytes: its decoder replaces a whole run of them when one is wrong."""
    vocabulary = {f"<0x{byte:02X}>": byte for byte in range(256)} | {"▁a": 256, "b": 257}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], byte_fallback=True))
    backend.decoder = decoders.Sequence(
        [decoders.Replace("▁", " "), decoders.ByteFallback(), decoders.Fuse(), decoders.Strip(" ", 1, 0)]
    )
    return backend


def test_a_stream_that_wrong_bytes_have_broken_starts_over(byte_fallback: Tokenizer) -> None:
    ids = [0xE4, 0xAD, 0xAD, 0x41, 0xF0, 256]
    bare = decoders.DecodeStream(skip_special_tokens=True)
    with pytest.raises(Exception, match="Invalid prefix encountered"):
        for token in ids:
            bare.step(byte_fallback, token)
    stream = BackendTextStream(byte_fallback, frozenset())
    assert stream.feed(ids).endswith("a")
    assert stream.feed([257]) == "b"
