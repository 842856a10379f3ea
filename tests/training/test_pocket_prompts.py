"""The reasoner's conversations, against what transformers renders from the same messages and tools."""

import json
import random
import re
from dataclasses import replace
from typing import Any

import pytest
from tokenizers import Tokenizer
from transformers import PreTrainedTokenizerFast

from flyball.training.pocket.reasoner.behaviour import BEHAVIOUR
from flyball.training.pocket.reasoner.curriculum import Curriculum, Mixture
from flyball.training.pocket.reasoner.scratch import Piece
from flyball.training.pocket.reasoner.writer import Writer
from flyball.training.pocket.tokenizer import chat_template
from flyball.training.pocket.vocabulary import learn_tokenizer

WHOLE = replace(BEHAVIOUR, direct=0.3, soft=0.2, cut=0, probe=0)
TURN = re.compile(r"<\|im_start\|>(\w+)\n(.*?)(?:<\|im_end\|>\n|\Z)", re.DOTALL)
CALL = re.compile(r"\n?<tool_call>\n(.*?)\n</tool_call>", re.DOTALL)
RESPONSE = re.compile(r"<tool_response>\n(.*?)\n</tool_response>", re.DOTALL)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return learn_tokenizer(300, 0)


@pytest.fixture(scope="module")
def fast(tokenizer: Tokenizer) -> PreTrainedTokenizerFast:
    fast = PreTrainedTokenizerFast(tokenizer_object=tokenizer)  # type: ignore[no-untyped-call]
    fast.chat_template = chat_template()
    return fast


def join(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def lookups(tokenizer: Tokenizer, stripped: float, n: int = 150) -> list[list[Piece]]:
    """Conversations with searches."""
    mixture = replace(Mixture(), sorts=(0.0, 0.0, 0.0, 1.0, 0.0, 0.0), stripped=stripped)
    writer, rng = Writer(tokenizer, "train", Curriculum.constant(replace(WHOLE, direct=0), mixture)), random.Random(0)
    return [writer.pieces(rng) for _ in range(n)]


def tools_of(text: str) -> tuple[list[Any] | None, str]:
    """The declared tools, and what a client wrote into the system turn."""
    head, found, rest = text.partition("# Tools\n")
    if not found:
        return None, text
    return [
        json.loads(line) for line in rest.partition("<tools>\n")[2].partition("\n</tools>")[0].split("\n")
    ], head.strip()


def message(role: str, content: str) -> list[dict[str, Any]]:
    """The messages that one turn stands for."""
    if role == "user" and (results := RESPONSE.findall(content)):
        return [{"role": "tool", "content": result} for result in results]
    if role == "assistant" and (calls := CALL.findall(content)):
        functions = [{"type": "function", "function": json.loads(call)} for call in calls]
        return [{"role": role, "content": CALL.sub("", content), "tool_calls": functions}]
    return [{"role": role, "content": content}]


def read(text: str) -> tuple[list[dict[str, Any]], list[Any] | None]:
    """The messages and tools of a rendered conversation; the open turn of the assistant is none."""
    messages, tools = [], None
    for role, content in TURN.findall(text.removesuffix("<|im_start|>assistant\n")):
        if role == "system":
            tools, content = tools_of(content)
        if role != "system" or content:
            messages += message(role, content)
    return messages, tools


def test_prompts_are_what_transformers_renders_with_the_same_tools(
    tokenizer: Tokenizer, fast: PreTrainedTokenizerFast
) -> None:
    mixture = replace(Mixture(), declared=0.5, system=0.5, earlier_turn=0.3, stripped=0)
    writer = Writer(tokenizer, "train", Curriculum.constant(WHOLE, mixture))
    rng, with_tools = random.Random(0), 0
    for prompt, *_ in (writer.pieces(rng) for _ in range(500)):
        text = prompt.text.removesuffix("<think>\n\n</think>\n\n")
        messages, tools = read(text)
        rendered = fast.apply_chat_template(
            messages, tools=tools, tokenize=False, add_generation_prompt=True, enable_thinking=text == prompt.text
        )
        assert prompt.text == rendered
        with_tools += tools is not None
    assert with_tools > 100


def test_a_conversation_with_thinking_is_what_the_template_makes_of_its_messages(
    tokenizer: Tokenizer, fast: PreTrainedTokenizerFast
) -> None:
    """Ours: within one question the template keeps the reasoning, so a result continues the prompt word for word."""
    for pieces in lookups(tokenizer, stripped=0):
        text = join(pieces)
        history = text[: text.rindex("<|im_start|>assistant\n")] + "<|im_start|>assistant\n"
        messages, tools = read(history)
        assert history == fast.apply_chat_template(messages, tools=tools, tokenize=False, add_generation_prompt=True)


def test_a_stripped_history_is_what_the_template_renders_without_the_reasoning(
    tokenizer: Tokenizer, fast: PreTrainedTokenizerFast
) -> None:
    several = 0
    for pieces in lookups(tokenizer, stripped=1):
        text = join(pieces)
        history = text[: text.rindex("<|im_start|>assistant\n")] + "<|im_start|>assistant\n"
        messages, tools = read(history)
        assert "<think>" not in history
        assert history == fast.apply_chat_template(messages, tools=tools, tokenize=False, add_generation_prompt=True)
        several += sum(m["role"] == "assistant" for m in messages) > 1
    assert several > 20


def test_the_last_turn_after_a_stripped_history_is_the_whole_one(tokenizer: Tokenizer) -> None:
    whole, stripped = lookups(tokenizer, stripped=0, n=1), lookups(tokenizer, stripped=1, n=1)
    turn = "<|im_start|>assistant\n"
    assert join(whole[0]).rpartition(turn)[2] == join(stripped[0]).rpartition(turn)[2]
    assert stripped[0][-1].learned


def test_any_turn_behind_the_first_may_be_the_one_that_is_learned_after_a_stripped_history(
    tokenizer: Tokenizer,
) -> None:
    mixture = replace(Mixture(), sorts=(0.0, 0.0, 0.0, 1.0, 0.0, 0.0), lookups=(0.0, 1.0, 0.0, 0.0))
    mixture = replace(mixture, stripped=1, stripped_turn="any")
    writer, rng = (
        Writer(tokenizer, "train", Curriculum.constant(replace(WHOLE, direct=0, soft=0), mixture)),
        random.Random(1),
    )
    calling = answering = 0
    for pieces in (writer.pieces(rng) for _ in range(100)):
        history, _, turn = join(pieces).rpartition("<|im_start|>assistant\n")
        assert "<think>" not in history
        assert turn.startswith("<think>\n")
        assert turn.count("<|im_end|>") == 1
        calling += turn.endswith("</tool_call><|im_end|>") and "<tool_response>" in history
        answering += "\\boxed{" in turn
    assert calling > 20
    assert answering > 20
