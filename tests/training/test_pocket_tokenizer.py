import pytest
from tokenizers import Tokenizer

from flyball.training.pocket.reasoner import wording
from flyball.training.pocket.tokenizer import MARKERS, SPECIAL, VOCAB_SIZE
from flyball.training.pocket.vocabulary import learn_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return learn_tokenizer(300, 0)


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "héllo 世界 🙂",
        "e\u0301 \u00e9",
        "\x00\x7f\u2028",
        "a\r\n\tb\n\n\n c  d ",
        "12.5 + x_1",
        "<think>\n\n</think>\n\n4",
    ],
)
def test_any_text_survives_encode_and_decode(tokenizer: Tokenizer, text: str) -> None:
    assert tokenizer.decode(tokenizer.encode(text).ids, skip_special_tokens=False) == text


def test_line_breaks_are_tokens_of_their_own(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("is 4.\n\nWait").tokens[-3:] == [".", "ĊĊ", "Wait"]
    assert tokenizer.encode("<think>\n").tokens == ["<think>", "Ċ"]
    assert tokenizer.encode("<think>\n\n</think>\n\n").tokens == ["<think>", "ĊĊ", "</think>", "ĊĊ"]


def test_every_digit_is_one_token(tokenizer: Tokenizer) -> None:
    assert tokenizer.encode("2048").tokens == ["2", "0", "4", "8"]


def test_markers_are_single_tokens_and_only_chat_marks_are_special(tokenizer: Tokenizer) -> None:
    assert all(len(tokenizer.encode(token).ids) == 1 for token in SPECIAL + MARKERS)
    ids = tokenizer.encode("".join(SPECIAL + MARKERS)).ids
    assert tokenizer.decode(ids, skip_special_tokens=True) == "".join(MARKERS)


def test_the_vocabulary_fits_the_network(tokenizer: Tokenizer) -> None:
    assert tokenizer.get_vocab_size() <= VOCAB_SIZE


def test_the_same_seed_gives_the_same_tokenizer() -> None:
    assert learn_tokenizer(40, 0).to_str() == learn_tokenizer(40, 0).to_str() != learn_tokenizer(40, 1).to_str()


def test_what_controllers_inject_is_in_the_vocabulary(tokenizer: Tokenizer) -> None:
    """Ours: a hint in words of their own tokens is read like the model's own text."""
    for phrase in (*wording.VERIFY_HINTS, *wording.PYTHON_HINTS, *wording.CLOSINGS):
        assert len(tokenizer.encode(phrase).ids) <= 3 * len(phrase.split()) + 6
