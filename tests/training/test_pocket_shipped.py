"""The world that ships: its files are the frozen ones, made by this code, small, and of use."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from tokenizers import Tokenizer
from transformers import AutoTokenizer, Qwen3ForCausalLM

from flyball.data import CORPUS, REASONER, VERIFIER, WORLD
from flyball.tools.passages import load_passages
from flyball.training.pocket.card import world_sha256
from flyball.training.pocket.hashes import frozen, verify
from flyball.training.pocket.reasoner.prompts import render
from flyball.training.pocket.recipe import RECIPES, ROLES, Role
from flyball.training.pocket.tokenizer import chat_template
from flyball.training.pocket.verifier import wording
from flyball.training.pocket.vocabulary import learn_tokenizer
from flyball.training.pocket.world.documents import documents
from flyball.training.pocket.world.question import VERSION, grade
from flyball.training.pocket.world.sets import questions

FOLDERS: dict[Role, Path] = {"reasoner": REASONER, "verifier": VERIFIER}


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Models this small only wait for a second thread."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def card(role: Role) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDERS[role] / "card.json").read_text(encoding="utf-8"))
    return found


def tokenizer_of(role: Role) -> Tokenizer:
    return Tokenizer.from_file(str(FOLDERS[role] / "tokenizer.json"))


def bpe(tokenizer: Tokenizer) -> dict[str, Any]:
    """Vocabulary and merges; transformers adds a post-processor of no effect to the file."""
    model: dict[str, Any] = json.loads(tokenizer.to_str())["model"]
    return model


@torch.no_grad()
def replies(role: Role, prompts: list[str], most: int = 20) -> list[str]:
    """Greedy continuations of prompts without thinking, up to the end of the turn."""
    model, tokenizer = Qwen3ForCausalLM.from_pretrained(FOLDERS[role]), tokenizer_of(role)
    end, found = tokenizer.token_to_id("<|im_end|>"), []
    for prompt in prompts:
        ids = tokenizer.encode(render([{"role": "user", "content": prompt}], enable_thinking=False)).ids
        start = len(ids)
        while len(ids) < start + most and ids[-1:] != [end]:
            ids.append(int(model(input_ids=torch.tensor([ids])).logits[0, -1].argmax()))
        found.append(tokenizer.decode(ids[start:]))
    return found


def test_the_shipped_files_are_the_frozen_ones() -> None:
    assert verify(WORLD) == []
    assert {name.partition("/")[0] for name in frozen(WORLD)} == {"corpus.jsonl", "reasoner", "verifier"}


@pytest.mark.parametrize("role", ROLES)
def test_the_shipped_models_were_trained_on_the_world_and_by_the_recipe_of_this_code(role: Role) -> None:
    shipped = card(role)
    assert (shipped["role"], shipped["world"], shipped["world_sha256"]) == (role, VERSION, world_sha256())
    assert shipped["recipe_sha256"] == RECIPES[role].sha256()
    assert shipped["tokens"] >= RECIPES[role].tokens


@pytest.mark.parametrize("role", ROLES)
def test_the_shipped_chat_template_is_that_of_this_code(role: Role) -> None:
    assert (FOLDERS[role] / "chat_template.jinja").read_text(encoding="utf-8") == chat_template()


def test_both_models_together_take_at_most_twelve_megabytes() -> None:
    sizes = [path.stat().st_size for folder in FOLDERS.values() for path in folder.rglob("*") if path.is_file()]
    assert 0 < sum(sizes) <= 12_000_000


def test_the_shipped_corpus_holds_the_documents() -> None:
    assert load_passages(CORPUS) == documents()


@pytest.mark.parametrize("role", ROLES)
def test_transformers_and_tokenizers_read_the_same_ids(role: Role) -> None:
    text = "<|im_start|>user\n12 é\n\n世<think>\n\n</think>\n\nWait <tool_call>"
    assert tokenizer_of(role).encode(text).ids == AutoTokenizer.from_pretrained(FOLDERS[role])(text)["input_ids"]


def test_both_models_share_the_tokenizer_that_this_code_learns() -> None:
    """So the examples that the vocabulary is learned from are still those of the frozen world."""
    recipe = RECIPES["reasoner"]
    learned, *shipped = (learn_tokenizer(recipe.vocabulary_examples, recipe.seed), *map(tokenizer_of, ROLES))
    assert all(bpe(tokenizer) == bpe(learned) for tokenizer in shipped)


def test_the_shipped_reasoner_answers_held_out_questions() -> None:
    asked = questions("chain", "test", 6, difficulties=(1,))
    answered = replies("reasoner", [question.text for question in asked])
    assert sum(grade(reply, question.answer) for reply, question in zip(answered, asked, strict=True)) >= 5


def test_the_shipped_verifier_tells_a_result_from_none_with_its_first_word() -> None:
    question = "Start with 3, add 4, then multiply by 2. Give the final value modulo 10."
    thoughts = ("Now add 4: 3 + 4 = 7, keep 7.", "Then multiply by 2: 7 * 2 = 14, so 4.\nSo the result is 4.")
    prompts = [wording.EXISTENCE[0].format(question=question, passage=passage) for passage in thoughts]
    assert [reply.partition("<|im_end|>")[0] for reply in replies("verifier", prompts, most=2)] == ["No", "Yes"]
