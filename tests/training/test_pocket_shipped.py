"""The model that ships: its files are the frozen ones, and its card holds what the package promises."""

import json
from collections.abc import Iterator

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoTokenizer, Qwen3ForCausalLM

from flyball.training.pocket.card import world_sha256
from flyball.training.pocket.corpus import WorldSettings
from flyball.training.pocket.hashes import shipped, verify
from flyball.training.pocket.measure import measure
from flyball.training.pocket.tokenizer import chat_template

CARD = json.loads((shipped() / "card.json").read_text(encoding="utf-8"))


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Batches this small only wait for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def accuracy(way: str, steps: int) -> float:
    """The share of right answers in one cell of the card."""
    cell = next(c for c in CARD["accuracy"] if (c["way"], c["steps"]) == (way, steps))
    return float(cell["correct"]) / float(cell["asked"])


def test_the_shipped_files_are_the_frozen_ones() -> None:
    assert verify(shipped()) == []


def test_the_shipped_model_was_trained_on_the_world_of_this_code() -> None:
    assert CARD["world_sha256"] == world_sha256(WorldSettings())
    assert (shipped() / "chat_template.jinja").read_text(encoding="utf-8") == chat_template()


def test_thinking_solves_what_a_direct_answer_cannot() -> None:
    assert all(accuracy("thinking", steps) >= 0.95 for steps in range(1, 9))
    assert accuracy("direct", 8) < 0.25 < accuracy("direct", 1)


def test_the_shipped_model_loads_and_answers_held_out_questions() -> None:
    model = Qwen3ForCausalLM.from_pretrained(shipped())
    cell = measure(model, Tokenizer.from_file(str(shipped() / "tokenizer.json")), "thinking", steps=2, n=4)
    assert (cell.correct, cell.finished) == (4, 4)


def test_transformers_and_tokenizers_read_the_same_ids() -> None:
    plain = Tokenizer.from_file(str(shipped() / "tokenizer.json"))
    auto = AutoTokenizer.from_pretrained(shipped())
    text = "<|im_start|>user\n12 é\n\n世<think>\n\n</think>\n\nWait <tool_call>"
    assert plain.encode(text).ids == auto(text)["input_ids"]
