"""The reasoner's training examples: which question, in which mode, with which tools, budgets and interventions.

Shape suffixes: T tokens of one example.
"""

import random
import re
from dataclasses import replace
from typing import Any, Literal

from tokenizers import Tokenizer

from ..examples import Encoded, encode
from ..world.big import MAX_DIGITS, MIN_DIGITS, ask_big, draw_big
from ..world.chain import MAX_STEPS, ask_chain, draw_chain
from ..world.lookup import AskedLookup, FreshEncyclopedia, ask_lookup
from ..world.question import UNKNOWN, Kind, Split
from . import wording
from .calls import PYTHON, SEARCH, schema, useless_schema
from .curriculum import Curriculum
from .endings import END, cut
from .judging import draw_judgement
from .lookups import Researcher, draw_search_budget
from .problems import BigProblem, BlindProblem, ChainProblem, Problem
from .prompts import Message, render
from .scratch import Known, Piece, Scratch
from .solitary import silent, skips, think

Sort = Literal["mental", "chain", "big", "lookup", "blind", "judging"]
"""mental: a short chain answered without thinking; blind: a lookup without documents."""
Mode = Literal["think", "direct", "soft"]
"""think: the default; direct: the prompt holds an empty think block; soft: the question ends with /no_think."""


_ASSISTANT = "<|im_start|>assistant\n"
_LOOKUPS: tuple[Kind, ...] = ("one_hop", "two_hop", "lookup_chain", "pair")
_SORTS: tuple[Sort, ...] = ("mental", "chain", "big", "lookup", "blind", "judging")


class Writer:
    """Draws the examples of one split, as the curriculum has them for the pool that has begun; at first, pool 0."""

    def __init__(self, tokenizer: Tokenizer, split: Split, curriculum: Curriculum) -> None:
        self.tokenizer, self.split, self.curriculum = tokenizer, split, curriculum
        self.begin(0)

    def begin(self, pool: int) -> None:
        """A pool of examples begins."""
        phase = self.curriculum.phase(pool)
        self.mixture, self.behaviour = phase.mixture, phase.behaviour
        self.most_steps = self.curriculum.most_steps(pool)

    def draw(self, rng: random.Random) -> Encoded:
        """One example no longer than `max_length`."""
        while True:
            example = encode(self.tokenizer, self.pieces(rng))
            if len(example.tokens_T) <= self.mixture.max_length:
                return example

    def pieces(self, rng: random.Random) -> list[Piece]:
        """One example as text: the prompt, then the pieces of the conversation."""
        sort = rng.choices(_SORTS, self.mixture.sorts)[0]
        match sort:
            case "mental":
                return self._mental(rng)
            case "lookup":
                return self._lookup(rng)
            case "judging":
                return self._judging(rng)
            case _:
                return self._solitary(rng, self._problem(rng, sort))

    def _problem(self, rng: random.Random, sort: Sort) -> Problem:
        if sort == "blind":
            return BlindProblem(self._ask_lookup(rng).question)
        if sort == "big":
            digits = rng.randint(MIN_DIGITS, min(MAX_DIGITS, max(MIN_DIGITS, self.most_steps)))
            return BigProblem(ask_big(rng, draw_big(rng, self.split, digits)))
        return self._chain(rng, rng.randint(1, self.most_steps))

    def _chain(self, rng: random.Random, steps: int) -> ChainProblem:
        return ChainProblem.of(ask_chain(rng, draw_chain(rng, self.split, steps)))

    def _ask_lookup(self, rng: random.Random) -> AskedLookup:
        kind = rng.choices(_LOOKUPS, self.mixture.lookups)[0]
        return ask_lookup(rng, FreshEncyclopedia(rng), kind)

    def _mental(self, rng: random.Random) -> list[Piece]:
        weights = self.mixture.mental_steps
        steps = rng.choices(range(1, len(weights) + 1), weights)[0]
        steps = rng.randint(steps, MAX_STEPS) if steps == len(weights) else steps
        problem = self._chain(rng, steps)
        mode: Mode = "direct" if rng.random() < 0.7 else "soft"
        prompt = self._prompt(rng, problem.question.text, mode)
        return [replace(prompt, known=_after_first_step(prompt.text, problem)), *silent(problem, mode == "direct")]

    def _solitary(self, rng: random.Random, problem: Problem) -> list[Piece]:
        mode = self._mode(rng)
        tools = self._tools(rng, problem) if rng.random() < self.mixture.declared else []
        prompt = self._prompt(rng, problem.question.text, mode, tools)
        if mode != "think" or skips(rng, self.behaviour, problem):
            return [prompt, *silent(problem, mode == "direct")]
        turn = think(rng, self.behaviour, self.tokenizer, problem, declared=PYTHON in tools)
        return [prompt, *self._strip(rng, turn)]

    def _tools(self, rng: random.Random, problem: Problem) -> list[str]:
        if isinstance(problem, BlindProblem):
            return [PYTHON]
        return rng.choice(([PYTHON], [PYTHON], [PYTHON, SEARCH], [SEARCH, PYTHON], [SEARCH]))

    def _lookup(self, rng: random.Random) -> list[Piece]:
        asked, mode = self._ask_lookup(rng), self._mode(rng)
        tools = rng.choice(([SEARCH], [SEARCH], [SEARCH, PYTHON], [PYTHON, SEARCH]))
        budget = draw_search_budget(rng, self.behaviour)
        shown = budget.block() if budget and (budget.remaining <= 0 or rng.random() < 0.5) else ""
        prompt = self._prompt(rng, asked.question.text, mode, tools, shown)
        scratch = Researcher(rng, self.behaviour, asked, budget, mode == "think", mode == "direct").write()
        if mode == "think" and rng.random() < self.behaviour.cut + self.behaviour.probe:
            return [prompt, *cut(rng, self.behaviour, self.tokenizer, scratch, UNKNOWN)]
        return [prompt, *self._strip(rng, scratch.pieces)]

    def _judging(self, rng: random.Random) -> list[Piece]:
        judgement = draw_judgement(rng, self.behaviour, self.split)
        mode: Mode = "direct" if rng.random() < 0.8 else "soft"
        scratch = Scratch()
        if mode == "soft":
            scratch.write("<think>\n\n</think>\n\n")
        scratch.write(judgement.reply + END)
        return [self._prompt(rng, judgement.text, mode, plain=True), *scratch.pieces]

    def _mode(self, rng: random.Random) -> Mode:
        rest = 1 - self.behaviour.direct - self.behaviour.soft
        modes: tuple[Mode, ...] = ("direct", "soft", "think")
        return rng.choices(modes, (self.behaviour.direct, self.behaviour.soft, rest))[0]

    def _strip(self, rng: random.Random, turn: list[Piece]) -> list[Piece]:
        """The conversation as it is, or one of its turns after a history without thinking."""
        text = "".join(piece.text for piece in turn)
        starts = [match.end() for match in re.finditer(re.escape(_ASSISTANT), text)]
        if not starts or rng.random() >= self.mixture.stripped:
            return turn
        start = starts[-1] if self.mixture.stripped_turn == "last" else rng.choice(starts)
        end = text.index(END, start) + len(END)
        return [Piece(_without_thinking(text[:start]), False), *_slice(turn, start, end)]

    def _prompt(
        self,
        rng: random.Random,
        question: str,
        mode: Mode,
        tools: list[str] | None = None,
        budget: str = "",
        plain: bool = False,
    ) -> Piece:
        schemas: list[dict[str, Any]] = [schema(rng, tool) for tool in tools or []]
        if tools and rng.random() < self.mixture.useless_tool:
            schemas.insert(rng.randrange(len(schemas) + 1), useless_schema(rng))
        messages: list[Message] = []
        system = [rng.choice(wording.SYSTEM_PROMPTS)] if rng.random() < self.mixture.system else []
        if tools and rng.random() < self.behaviour.budget:
            system.append(rng.choice(wording.POLICIES))
        if system:
            messages.append({"role": "system", "content": " ".join(system)})
        reply = ""
        if not plain and rng.random() < self.mixture.earlier_turn:
            earlier = self._chain(rng, rng.randint(1, 4))
            messages.append({"role": "user", "content": earlier.question.text})
            messages.append({"role": "assistant", "content": wording.ANSWER.format(d=earlier.answer)})
            reply = rng.choice(wording.EARLIER_REPLIES)
        text = f"{reply} {question}".strip() + (f"\n{budget}" if budget else "")
        messages.append({"role": "user", "content": text + (" /no_think" if mode == "soft" else "")})
        return Piece(render(messages, mode != "direct", schemas or None), False)


def _after_first_step(prompt: str, problem: ChainProblem) -> tuple[Known, ...]:
    """The value behind the first operation, where the prompt has named it."""
    clause = problem.clauses[0]
    end = prompt.index(clause, prompt.rindex(problem.question.text)) + len(clause)
    return (Known(end, str(problem.chain.values[1])),)


def _slice(pieces: list[Piece], start: int, end: int) -> list[Piece]:
    """The pieces between two characters."""
    kept: list[Piece] = []
    place = 0
    for piece in pieces:
        if text := piece.text[max(0, start - place) : max(0, end - place)]:
            kept.append(Piece(text, piece.learned, piece.open))
        place += len(piece.text)
    return kept


def _without_thinking(text: str) -> str:
    """The history as the template writes it when a client sends it back without the reasoning."""
    while "<think>" in text:
        before, _, rest = text.partition("<think>")
        text = before + rest.partition("</think>")[2].lstrip("\n")
    return text
