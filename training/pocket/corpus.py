"""Training examples of chain-v0: rendered, tokenised piece by piece, with the loss mask, in batches of like length.

Shape suffixes: T tokens of one example, B examples of a batch.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cache

import jinja2
from tokenizers import Tokenizer, models

from . import wording
from .chain import MAX_STEPS, Asked, Chain, Split, ask, draw_chain
from .tokenizer import chat_template
from .traces import Behaviour, Mode, Scratchpad, Segment, Thinking, answer, think

EMPTY_THINK = "<think>\n\n</think>\n\n"
END_THINK = "\n</think>\n\n"
Message = dict[str, str]


@dataclass(frozen=True, slots=True)
class WorldSettings:
    """Everything that decides what the generator writes, next to the phrases."""

    version: str = "chain-v0"
    behaviour: Behaviour = field(default_factory=Behaviour)
    step_weights: tuple[float, ...] = (3.0,) + (1.0,) * (MAX_STEPS - 1)
    """Relative frequency of 1, 2, ... 12 steps in training."""
    system: float = 0.12
    earlier_turn: float = 0.06
    max_length: int = 640
    """Longer examples, in tokens, are drawn again."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """One example. `learned_T[t]` says whether the loss is taken on predicting `tokens_T[t]`."""

    tokens_T: list[int]
    learned_T: list[bool]


@cache
def _template() -> jinja2.Template:
    return jinja2.Environment(autoescape=False).from_string(chat_template())


def render(messages: list[Message], enable_thinking: bool = True) -> str:
    """The prompt for the next assistant turn, as the chat template writes it."""
    return _template().render(messages=messages, add_generation_prompt=True, enable_thinking=enable_thinking)


class Writer:
    """Writes the examples of one split: question, mode, thinking and interventions, all drawn from one generator."""

    def __init__(self, tokenizer: Tokenizer, settings: WorldSettings, split: Split) -> None:
        self.tokenizer, self.settings, self.split = tokenizer, settings, split
        self.most_steps = MAX_STEPS

    def draw(self, rng: random.Random) -> Encoded:
        """One example no longer than `max_length`."""
        while True:
            example = self.encode(self.segments(rng))
            if len(example.tokens_T) <= self.settings.max_length:
                return example

    def segments(self, rng: random.Random) -> list[Segment]:
        """One example as text: the prompt, then the pieces of the assistant turn."""
        behaviour = self.settings.behaviour
        chain = self._chain(rng)
        asked = ask(rng, chain)
        modes: tuple[Mode, ...] = ("direct", "soft", "think")
        rest = 1 - behaviour.direct - behaviour.soft
        mode = rng.choices(modes, (behaviour.direct, behaviour.soft, rest))[0]
        prompt = Segment(render(self._messages(rng, asked, mode), mode != "direct"), False)
        return [prompt, *self._turn(rng, chain, asked, mode)]

    def encode(self, segments: list[Segment]) -> Encoded:
        """The pieces tokenised alone and joined, as the server joins them."""
        tokens_T: list[int] = []
        learned_T: list[bool] = []
        texts = [segment.text for segment in segments]
        for segment, encoding in zip(segments, self.tokenizer.encode_batch(texts), strict=True):
            tokens_T += encoding.ids
            learned_T += [segment.learned] * len(encoding.ids)
        return Encoded(tokens_T, learned_T)

    def _chain(self, rng: random.Random) -> Chain:
        weights = self.settings.step_weights[: self.most_steps]
        return draw_chain(rng, self.split, rng.choices(range(1, len(weights) + 1), weights)[0])

    def _messages(self, rng: random.Random, asked: Asked, mode: Mode) -> list[Message]:
        messages: list[Message] = []
        if rng.random() < self.settings.system:
            messages.append({"role": "system", "content": rng.choice(wording.SYSTEM_PROMPTS)})
        reply = ""
        if rng.random() < self.settings.earlier_turn:
            earlier = self._chain(rng)
            messages.append({"role": "user", "content": ask(rng, earlier).text})
            messages.append({"role": "assistant", "content": wording.ANSWER.format(d=earlier.answer)})
            reply = rng.choice(wording.EARLIER_REPLIES)
        text = f"{reply} {asked.text}".strip() + (" /no_think" if mode == "soft" else "")
        return [*messages, {"role": "user", "content": text}]

    def _turn(self, rng: random.Random, chain: Chain, asked: Asked, mode: Mode) -> list[Segment]:
        behaviour = self.settings.behaviour
        if mode == "direct":
            return [Segment(answer(chain.answer), True)]
        skip = behaviour.skip_one_step if len(chain.operations) == 1 else behaviour.skip_longer
        if mode == "soft" or rng.random() < skip:
            return [Segment(EMPTY_THINK + answer(chain.answer), True)]
        kind = rng.random()
        thinking = think(rng, behaviour, chain, asked, hinted=kind < behaviour.hinted)
        if behaviour.hinted <= kind < behaviour.hinted + behaviour.cut:
            return self._cut(rng, thinking.pad, chain)
        return _whole(thinking)

    def _cut(self, rng: random.Random, pad: Scratchpad, chain: Chain) -> list[Segment]:
        breaks = [i for i in range(len(pad.text)) if pad.text.startswith("\n\n", i)]
        if breaks and rng.random() < self.settings.behaviour.cut_at_thought:
            end = rng.choice(breaks) + rng.choice((0, 2))
        else:
            end = rng.choice([offset[1] for offset in self.tokenizer.encode(pad.text).offsets])
        known = pad.known(end)
        final = answer(chain.answer if known is None else known)
        closing = Segment(rng.choice(wording.CLOSINGS), False)
        return [Segment("<think>\n" + pad.text[:end], True), closing, Segment(final, True)]


def _whole(thinking: Thinking) -> list[Segment]:
    pad, final = thinking.pad, answer(thinking.result)
    pieces = [Segment("<think>\n" + pad.text, True)]
    for hint, again in thinking.hinted:
        pieces += [Segment(hint, False), Segment(again, True)]
    return [*pieces, Segment(END_THINK + final, True)]


def batches(
    writer: Writer, seed: int, batch_tokens: int, pool: int = 512, pools_per_step: int = 0
) -> Iterator[list[Encoded]]:
    """Endless batches of at most `batch_tokens` padded tokens; the n-th batch depends only on the arguments and n.

    Every `pools_per_step` pools the longest chain grows by a step, from 2 on; 0 means every length at once."""
    number = 0
    while True:
        writer.most_steps = min(2 + number // pools_per_step, MAX_STEPS) if pools_per_step else MAX_STEPS
        rng = random.Random(f"pool/{writer.split}/{seed}/{number}")
        examples = sorted((writer.draw(rng) for _ in range(pool)), key=lambda e: len(e.tokens_T))
        ready: list[list[Encoded]] = [[]]
        for example in examples:
            if (len(ready[-1]) + 1) * len(example.tokens_T) > batch_tokens:
                ready.append([])
            ready[-1].append(example)
        rng.shuffle(ready)
        yield from ready
        number += 1


def sample_texts(settings: WorldSettings, n: int, seed: int) -> Iterator[str]:
    """Texts to learn the vocabulary from: `n` examples of the training split and every phrase of the template."""
    uncut = replace(settings, behaviour=replace(settings.behaviour, cut=0.0))  # a cut needs the tokenizer
    writer = Writer(Tokenizer(models.BPE()), uncut, "train")
    rng = random.Random(f"vocabulary/{seed}")
    for _ in range(n):
        yield "".join(segment.text for segment in writer.segments(rng))
    yield from (chat_template(), *wording.HINTS, *wording.CLOSINGS, " ".join(wording.FILLER_WORDS))
