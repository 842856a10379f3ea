"""The verifier's training examples: does a passage reach a result, do two passages reach the same one."""

import random
from dataclasses import dataclass, replace

from tokenizers import Tokenizer

from ..examples import Encoded, encode
from ..reasoner.behaviour import BEHAVIOUR
from ..reasoner.problems import BigProblem, ChainProblem, Problem
from ..reasoner.prompts import render
from ..reasoner.scratch import Known, Piece, Scratch
from ..reasoner.thinking import Thinker
from ..world.big import ask_big, draw_big
from ..world.chain import MAX_STEPS, ask_chain, draw_chain
from ..world.entities import TRADES, draw_name
from ..world.lookup import FreshEncyclopedia, ask_lookup
from ..world.question import Question, Split
from . import wording

YES, NO = "Yes", "No"
_FURTHER = 2
"""Layers between what knows a digit and what has compared it."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """What is asked, in shares."""

    existence: float = 0.5
    """Of the questions; the others are of equivalence."""
    chains: float = 0.5
    """Of the problems; what is left behind chains and sums are lookups."""
    sums: float = 0.25


MEASURED = Mixture()
PRACTICE = Mixture(existence=0.3, chains=0.2, sums=0.5)
"""Long results, which take the longest to learn."""


@dataclass(frozen=True, slots=True)
class Passage:
    """The end of one thought, and the result that it reaches, if it does."""

    question: Question
    text: str
    result: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the verifier is asked, and the right reply."""

    text: str
    reply: str
    reason: str = ""
    """What the verifier says behind its reply: the results that it saw."""
    compared: tuple[str, ...] = ()
    """How the two results begin, or end where they are numbers: what a middle layer is taught to hold ready."""
    facing: tuple[Known, ...] = ()
    """Before each digit of the second result: the digit that the first has there. A middle layer is taught it."""
    agreeing: tuple[Known, ...] = ()
    """Behind each digit of the second result: Yes or No, as it is that digit. A layer further up is taught it."""


class Writer:
    """Draws the examples of one split. In the first `reading_pools` pools the loss is taken on the passages, too: who
    has learned to foresee a repeated result notices one that differs. In the first `natural_pools` the pairs are not
    balanced. From the pool `facing_from` on long results are practised, and a middle layer is taught what every digit
    of the second faces in the first; from `agreeing_from` on a layer further up, whether both are the same."""

    def __init__(
        self,
        tokenizer: Tokenizer,
        split: Split,
        reading_pools: int = 0,
        natural_pools: int = 0,
        facing_from: int = 0,
        agreeing_from: int = 0,
        max_length: int = 500,
    ) -> None:
        self.tokenizer, self.split, self.max_length = tokenizer, split, max_length
        self.reading_pools, self.natural_pools = reading_pools, natural_pools
        self.facing_from, self.agreeing_from = facing_from, agreeing_from
        self.begin(0)

    def begin(self, pool: int) -> None:
        """A pool of examples begins."""
        self.reading = pool < self.reading_pools
        self.balanced, self.facing = pool >= self.natural_pools, pool >= self.facing_from
        self.agreeing = pool >= self.agreeing_from

    def draw(self, rng: random.Random) -> Encoded:
        """One example no longer than `max_length`."""
        while True:
            verdict = draw_verdict(rng, self.split, self.balanced, PRACTICE if self.facing else MEASURED)
            soft = rng.random() < 0.2
            prompt = render([{"role": "user", "content": verdict.text + " /no_think" * soft}], enable_thinking=soft)
            opening = "<think>\n\n</think>\n\n" if soft else ""
            reply = f"{opening}{verdict.reply}{verdict.reason}<|im_end|>"
            before, own = (prompt, "") if not soft else ("", opening)
            taught = verdict.facing * self.facing + verdict.agreeing * self.agreeing
            taught = _moved(taught, prompt.index(verdict.text))
            pieces = [
                Piece(prompt, self.reading, known=taught + _held_ready(before, verdict)),
                Piece(reply, True, known=_held_ready(own, verdict)),
            ]
            example = encode(self.tokenizer, pieces)
            if len(example.tokens_T) <= self.max_length:
                return example


def draw_verdict(rng: random.Random, split: Split, balanced: bool = True, mixture: Mixture = MEASURED) -> Verdict:
    """A question of existence or of equivalence, with its reply."""
    if rng.random() < mixture.existence:
        return existence(rng, split, mixture)
    return equivalence(rng, split, balanced, mixture)


def existence(rng: random.Random, split: Split, mixture: Mixture = MEASURED) -> Verdict:
    """Does the passage reach a definite result?"""
    passage = draw_passage(rng, draw_problem(rng, split, mixture))
    text = ask_existence(rng.choice(wording.EXISTENCE), passage)
    return Verdict(text, NO, ".") if passage.result is None else Verdict(text, YES, f": {passage.result}.")


def equivalence(rng: random.Random, split: Split, balanced: bool = True, mixture: Mixture = MEASURED) -> Verdict:
    """Do two passages on one question give the same result?

    `balanced`: half of the pairs are made to agree, whatever the kind of result; else two results by hand seldom do."""
    problem = draw_problem(rng, split, mixture)
    first = draw_passage(rng, problem, reached=True)
    second = draw_passage(rng, problem, reached=rng.random() < 0.95)
    if rng.random() < 0.5 and second.result is not None:
        second = _restated(second, _different(rng, second.result))
    elif balanced and first.result is not None and second.result is not None:
        second = _restated(second, first.result)
    same = first.result is not None and first.result == second.result
    pair = (first, second) if rng.random() < 0.5 else (second, first)
    text = ask_equivalence(rng.choice(wording.EQUIVALENCE), *pair)
    results = [passage.result or "none" for passage in pair]
    reason = f": {results[0]}." if same else f": {results[0]}, {results[1]}."
    compared = tuple(result[-1] if result.isdigit() else result for result in results)
    return Verdict(text, YES if same else NO, reason, compared, *_digit_by_digit(text, *pair))


def _digit_by_digit(text: str, first: Passage, second: Passage) -> tuple[tuple[Known, ...], tuple[Known, ...]]:
    """What the second result faces, and where it agrees: where both are numbers, else only where it begins."""
    if first.result is None or second.result is None:
        return (), ()
    start = text.rindex(second.text) + second.text.rindex(second.result)
    if not (first.result.isdigit() and second.result.isdigit()):
        return (Known(start, first.result),), ()
    digits = list(zip(first.result, second.result, strict=False))
    facing = tuple(Known(start + n, a) for n, (a, _) in enumerate(digits))
    agreeing = tuple(Known(start + n + 1, YES if a == b else NO, _FURTHER) for n, (a, b) in enumerate(digits))
    return facing, agreeing


def _moved(known: tuple[Known, ...], by: int) -> tuple[Known, ...]:
    return tuple(replace(value, end=value.end + by) for value in known)


def _held_ready(text: str, verdict: Verdict) -> tuple[Known, ...]:
    """The first result at the last token of the text, from where the reply follows; the second at `</think>`."""
    ends = len(text), len(text.rstrip("\n"))
    return tuple(Known(end, value) for end, value in zip(ends, verdict.compared, strict=False)) if text else ()


def ask_existence(prompt: str, passage: Passage) -> str:
    """The prompt filled in."""
    return prompt.format(question=passage.question.text, passage=passage.text)


def ask_equivalence(prompt: str, first: Passage, second: Passage) -> str:
    """The prompt filled in."""
    return prompt.format(question=first.question.text, a=first.text, b=second.text)


def draw_problem(rng: random.Random, split: Split, mixture: Mixture = MEASURED) -> Problem:
    """A question of any kind; a lookup as if it had been read."""
    kind = rng.random()
    if kind < mixture.chains:
        return ChainProblem.of(ask_chain(rng, draw_chain(rng, split, rng.randint(1, MAX_STEPS))))
    if kind < mixture.chains + mixture.sums:
        return BigProblem(ask_big(rng, draw_big(rng, split, rng.randint(3, 6))))
    asked = ask_lookup(rng, FreshEncyclopedia(rng), rng.choice(("one_hop", "two_hop")))
    return ReadProblem(asked.question, asked.facts[-1].entity.name)


def draw_passage(rng: random.Random, problem: Problem, reached: bool | None = None) -> Passage:
    """The last sentences of one thought about the problem; `reached`: with a result, without, or either."""
    while True:
        passage = _passage(rng, problem)
        if reached is None or reached == (passage.result is not None):
            return passage


def _passage(rng: random.Random, problem: Problem) -> Passage:
    thinker = Thinker(rng, BEHAVIOUR, problem, Scratch())
    if problem.code is not None and rng.random() < 0.1:
        thinker.compute()
    else:
        thinker.attempt()
    thinker.verify((0.3, 0.3, 0.2, 0.2))
    text = "".join(piece.text for piece in thinker.scratch.pieces)
    thoughts = _thoughts(text)
    start, end = rng.choice(thoughts)
    if rng.random() < 0.45:
        end = rng.randint(start + 1, end)
    start = _last_sentences(text, start, end, rng.choice((1, 2, 3, 5, 5, 20)))
    stated = [s for s in thinker.scratch.statements if s.rank == 2 and start < s.end <= end]
    result = stated[-1].value if stated else None
    if result is not None and not text[start:end].rstrip(" .\n").endswith(result):
        result = None if not _complete(text[start:end], result) else result
    shown = text[start:end].strip()
    if result is not None and rng.random() < 0.25:
        shown = rng.choice(wording.OTHER_RESULTS).format(d=result)
    return Passage(problem.question, shown, result)


def _thoughts(text: str) -> list[tuple[int, int]]:
    """Start and end of each paragraph."""
    spans, start = [], 0
    for part in text.split("\n\n"):
        if part.strip():
            spans.append((start, start + len(part)))
        start += len(part) + 2
    return spans


def _last_sentences(text: str, start: int, end: int, count: int) -> int:
    """Where the last `count` sentences of a stretch begin."""
    stops = [i + 1 for i in range(start, end - 1) if text[i] in ".\n" and text[i + 1] in " \n"]
    return stops[-count] if len(stops) >= count else start


def _complete(text: str, result: str) -> bool:
    """Whether a stated result is followed only by the end of its sentence."""
    return text.rpartition(result)[2].strip(" .\n") == ""


def _restated(passage: Passage, result: str) -> Passage:
    """The passage with another result in the place of its own."""
    assert passage.result is not None
    head, found, tail = passage.text.rpartition(passage.result)
    return Passage(passage.question, head + (result if found else "") + tail, result)


def _different(rng: random.Random, result: str) -> str:
    """Another result of the same sort: a number differs in one digit, mostly."""
    if not result.isdigit():
        names = [*TRADES, draw_name(rng, "town"), draw_name(rng, "person"), "unknown"]
        return rng.choice([name for name in names if name != result])
    place = rng.randrange(len(result))
    digit = rng.choice([d for d in "0123456789" if d != result[place] and (place or d != "0" or len(result) == 1)])
    return result[:place] + digit + result[place + 1 :]


class ReadProblem:
    """A fact that was read: the passage's subject and what it says."""

    code = None

    def __init__(self, question: Question, name: str) -> None:
        self.question, self.answer, self._name = question, question.answer, name

    def attempt(self, rng: random.Random, behaviour: object, scratch: Scratch) -> str:
        """Reads the fact."""
        scratch.say(rng.choice(wording.BEFORE_READING).format(name=self._name))
        scratch.state(rng.choice(wording.READ).format(name=self._name, d=self.answer), self.answer)
        return self.answer

    def check(self, rng: random.Random, before: str, full: bool) -> tuple[str, str]:
        """Reads it again."""
        return rng.choice(wording.READ_AGAIN).format(name=self._name, d=before), before
