"""How well a pocket model answers held-out questions, greedily, by mode and number of steps.

Shape suffixes: B questions, T tokens, V vocabulary.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Literal

import torch
from tokenizers import Tokenizer
from torch import Tensor
from transformers import GenerationConfig, Qwen3ForCausalLM

from .chain import MAX_STEPS, Question, Split, grade, questions
from .corpus import render

Way = Literal["thinking", "direct", "soft", "default"]
"""thinking: the prompt goes on with `<think>` and a line break; direct: enable_thinking=false; soft: /no_think; default: free."""


@dataclass(frozen=True, slots=True)
class Cell:
    """One figure: `correct` of `asked` questions of so many steps, answered in one way.

    Example: `Cell("thinking", 4, asked=100, correct=100, finished=100, mean_tokens=131.5)`."""

    way: Way
    steps: int
    asked: int
    correct: int
    finished: int
    """Replies that ended by themselves."""
    mean_tokens: float
    """Sampled tokens per reply, the end of turn not counted."""


def prompt(question: Question, way: Way) -> str:
    """The text that the model continues."""
    text = question.text + (" /no_think" if way == "soft" else "")
    rendered = render([{"role": "user", "content": text}], enable_thinking=way != "direct")
    return rendered + ("<think>\n" if way == "thinking" else "")


@torch.no_grad()
def complete(model: Qwen3ForCausalLM, tokenizer: Tokenizer, prompts: list[str], max_new: int = 900) -> list[str]:
    """Greedy continuations, the end of turn included where it was reached."""
    end, pad = tokenizer.token_to_id("<|im_end|>"), tokenizer.token_to_id("<|endoftext|>")
    rows = [encoding.ids for encoding in tokenizer.encode_batch(prompts)]
    width = max(len(row) for row in rows)
    tokens_BT = torch.tensor([[pad] * (width - len(row)) + row for row in rows])
    present_BT = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in rows])
    model.generation_config = GenerationConfig.from_dict(
        {"do_sample": False, "max_new_tokens": max_new, "eos_token_id": [end, pad], "pad_token_id": pad}
    )
    generate: Callable[..., Tensor] = getattr(model, "generate")  # noqa: B009  # its own annotation refuses this class
    output_BT = generate(input_ids=tokens_BT, attention_mask=present_BT)
    replies = (row[width:].tolist() for row in output_BT)
    return [tokenizer.decode([t for t in reply if t != pad], skip_special_tokens=False) for reply in replies]


def measure(
    model: Qwen3ForCausalLM, tokenizer: Tokenizer, way: Way, steps: int, n: int, seed: int = 0, split: Split = "test"
) -> Cell:
    """Asks `n` questions of one number of steps."""
    asked = questions(split, n, seed, [steps])
    replies = complete(model, tokenizer, [prompt(question, way) for question in asked])
    lengths = [len(tokenizer.encode(reply.removesuffix("<|im_end|>")).ids) for reply in replies]
    correct = sum(grade(reply, question.answer) for reply, question in zip(replies, asked, strict=True))
    finished = sum(reply.endswith("<|im_end|>") for reply in replies)
    return Cell(way, steps, n, correct, finished, round(sum(lengths) / n, 1))


@torch.no_grad()
def skip_probability(model: Qwen3ForCausalLM, tokenizer: Tokenizer, steps: int, n: int, seed: int = 0) -> float:
    """The mean chance that the model, left free, opens with an empty think block: an empty line after `<think>`."""
    asked = questions("test", n, seed, [steps])
    empty = tokenizer.token_to_id("ĊĊ")  # two line breaks, as byte-level BPE spells them
    total = 0.0
    for question in asked:
        ids = tokenizer.encode(prompt(question, "default") + "<think>").ids
        logits_V = model(input_ids=torch.tensor([ids])).logits[0, -1]
        total += float(logits_V.softmax(-1)[empty])
    return total / n


def measure_all(model: Qwen3ForCausalLM, tokenizer: Tokenizer, n: int) -> list[Cell]:
    """The figures of the card: forced thinking and forced silence at every number of steps, the others at a few."""
    every, few = range(1, MAX_STEPS + 1), (1, 2, 4, 8)
    wanted: list[tuple[Way, Iterable[int]]] = [("thinking", every), ("direct", every), ("soft", few), ("default", few)]
    return [measure(model, tokenizer, way, steps, n) for way, counts in wanted for steps in counts]
