"""Conversations with documents: searches, what they bring, a second hop, arithmetic, budgets and failures."""

import random
from collections.abc import Sequence

from ..world.entities import ATTRIBUTES, ENTITY_KINDS, Entity, describe, draw_entity, similar_name
from ..world.lookup import AskedLookup, Fact
from ..world.question import UNKNOWN
from . import wording
from .behaviour import Behaviour
from .calls import SEARCH, Budget, call, draw_budget, make_calls
from .endings import EMPTY_THINK, END_THINK, answer, close
from .hints import draw_kind, wording_of
from .problems import ChainProblem
from .scratch import Scratch

RESULTS = 3
"""Passages that one search brings."""


def passages(rng: random.Random, fact: Fact, found: bool, mentions: float = 0.0) -> str:
    """What a search for the fact brings: its passage among passages on similar names, or only those.

    `mentions`: the share of the other passages that mention the entity."""
    entity = fact.entity
    others = RESULTS - 1 if found else rng.choice((1, 2, RESULTS))
    crowd = []
    for _ in range(others):
        if mentions and rng.random() < mentions and (related := draw_mention(rng, entity)):
            crowd.append(related)
            continue
        similar = rng.random() < 0.7
        kind = entity.kind if rng.random() < 0.6 else rng.choice(ENTITY_KINDS)
        name = similar_name(rng, entity.name) if similar and kind != "person" else None
        crowd.append(draw_entity(rng, kind, name))
    shown = [(other.name, describe(rng, other)) for other in crowd]
    if found:
        shown.insert(rng.choice((0, 0, 0, 1, 2)), (entity.name, describe(rng, entity)))
    return "\n".join(f"[{number}] {name}: {text}" for number, (name, text) in enumerate(shown, 1))


def draw_mention(rng: random.Random, entity: Entity) -> Entity | None:
    """An entity one of whose facts names the given one; None where no kind has such a fact.

    Example: for the town Velamor, a person whose home town is Velamor."""
    links = [(kind, a.name) for kind, known in ATTRIBUTES.items() for a in known if a.target == entity.kind]
    if not links:
        return None
    kind, attribute = rng.choice(links)
    other = draw_entity(rng, kind)
    return Entity(kind, other.name, other.values | {attribute: entity.name})


class Researcher:
    """Writes one conversation with documents into a scratch.

    `thinking` off: calls and answers without thoughts; `prefilled` then says if the prompt holds the empty block."""

    def __init__(
        self,
        rng: random.Random,
        behaviour: Behaviour,
        asked: AskedLookup,
        budget: Budget | None,
        thinking: bool,
        prefilled: bool = False,
    ) -> None:
        self.rng, self.behaviour, self.asked, self.budget = rng, behaviour, asked, budget
        self.thinking, self.prefilled = thinking, prefilled
        self.scratch = Scratch()
        self.stated: str | None = None
        self._pending = ""

    def write(self) -> Scratch:
        """The whole conversation."""
        self._open(first=True)
        self.scratch.suppose(UNKNOWN)
        if self.asked.question.kind == "pair":
            known = self._search(self.asked.facts)
        else:
            known = all(self._search([fact]) for fact in self.asked.facts)
        if known:
            self._conclude()
        if self.thinking:
            self._close()
        else:
            self.scratch.write(answer(self.stated or UNKNOWN))
        return self.scratch

    def _open(self, first: bool = False) -> None:
        if self.thinking:
            self.scratch.write("<think>\n")
        elif self.prefilled:
            if not first:
                self.scratch.read(EMPTY_THINK)
        else:
            self.scratch.write(EMPTY_THINK)

    def _search(self, facts: Sequence[Fact]) -> bool:
        """Searches until the facts are read; False when the budget or the patience ends before."""
        queries = [fact.query for fact in facts]
        lead = self.rng.choice(wording.SEARCH_LEADS).format(query=" and ".join(queries))
        for attempt in range(3):
            if self.budget and self.budget.remaining < len(facts):
                return self._stop(wording.NO_BUDGET)
            chance = self.rng.random()
            failed = chance < self.behaviour.tool_error
            missing = not failed and chance < self.behaviour.tool_error + self.behaviour.not_found
            if missing and attempt == 2:
                failed = missing = False
            self._say(self._pending + lead)
            self._pending = ""
            self._call(queries, self._results(facts, failed, missing))
            if failed:
                lead = self.rng.choice(wording.FAILURES)
            elif not missing:
                self._read(facts)
                return True
            elif attempt == 1:
                return self._stop(wording.GIVE_UP)
            else:
                queries = [fact.entity.name for fact in facts]
                lead = self.rng.choice(wording.NOT_FOUND).format(query=" and ".join(queries))
        return self._stop(wording.GIVE_UP)

    def _results(self, facts: Sequence[Fact], failed: bool, missing: bool) -> list[str]:
        if failed:
            return [self.rng.choice(wording.ERRORS) for _ in facts]
        if missing and self.rng.random() < 0.3:
            return ["No passage found." for _ in facts]
        return [passages(self.rng, fact, not missing, self.behaviour.mentions) for fact in facts]

    def _call(self, queries: Sequence[str], results: Sequence[str]) -> None:
        if self.thinking:
            self.scratch.write(END_THINK)
        make_calls(self.scratch, [call(SEARCH, query) for query in queries], results, self.budget)
        self._open()

    def _read(self, facts: Sequence[Fact]) -> None:
        """What the model says of passages that are not the end of its research."""
        final = facts[-1] is self.asked.facts[-1]
        if final:
            self.scratch.suppose(self.asked.question.answer)
            return
        fact = facts[0]
        self._pending = self.rng.choice(wording.FOUND_PART).format(name=fact.entity.name, d=fact.value) + " "

    def _conclude(self) -> None:
        """The passages hold all that is needed."""
        answer_ = self.asked.question.answer
        self.stated = answer_
        if not self.thinking:
            return
        if self.asked.question.kind in ("one_hop", "two_hop"):
            fact = self.asked.facts[-1]
            self._state(self.rng.choice(wording.FOUND).format(name=fact.entity.name, d=fact.value), fact.value)
        else:
            for fact in self.asked.facts:
                self._say(self.rng.choice(wording.FOUND_PART).format(name=fact.entity.name, d=fact.value) + "\n")
            self._arithmetic()
        self._overthink()
        if self.rng.random() < self.behaviour.hint_at_end:
            self._hint()

    def _arithmetic(self) -> None:
        problem = self._chain()
        self.stated = problem.attempt(self.rng, self.behaviour, self.scratch)
        if self.stated != problem.answer:
            self.scratch.say("\n\n" + self.rng.choice(wording.REFLECTIONS) + " ")
            self._state(*problem.check(self.rng, self.stated, full=True))

    def _chain(self) -> ChainProblem:
        chain = self.asked.chain
        clauses = self.asked.clauses or (f"add {chain.operations[0].digit}",)
        return ChainProblem(chain, clauses, self.asked.question)

    def _overthink(self) -> None:
        weights = self.behaviour.source_checks
        for _ in range(self.rng.choices(range(len(weights)), weights)[0]):
            self.scratch.say("\n\n" + self.rng.choice(wording.REFLECTIONS) + " ")
            self._check(full=self.rng.random() < 0.5)
        if self.budget and self.budget.remaining >= 3 and self.rng.random() < 0.4:
            self.scratch.say("\n\n" + self.rng.choice(wording.SPARE_BUDGET))
            self._again()

    def _again(self) -> None:
        """Searches once more for the last fact and reads the same."""
        fact = self.asked.facts[-1]
        self._call([fact.entity.name], [passages(self.rng, fact, True, self.behaviour.mentions)])
        self._check(full=True)

    def _check(self, full: bool) -> None:
        value = self.asked.question.answer
        if not full:
            self._state(self.rng.choice(wording.BRIEF).format(d=value), value)
        elif self.asked.question.kind in ("one_hop", "two_hop"):
            name = self.asked.facts[-1].entity.name
            self._state(self.rng.choice(wording.SOURCE_CHECKS).format(name=name, d=value), value)
        else:
            self._state(*self._chain().check(self.rng, value, full=True))

    def _hint(self) -> None:
        """A hint where the thinking would have ended."""
        kind, value = draw_kind(self.rng), self.asked.question.answer
        before, after = self.rng.choice((("\n\n", " "), ("\n", " "), ("\n\n", "\n\n"), ("\n\n", "\n")))
        self.scratch.read(before + wording_of(self.rng, kind) + after.strip(" "))
        self.scratch.say(after.strip("\n"))
        if kind == "python":
            self._state(self.rng.choice(wording.USELESS_PYTHON).format(d=value), value)
        elif kind == "search":
            if self.budget and self.budget.remaining <= 0:
                self._state(self.rng.choice(wording.NO_BUDGET).format(d=value), value)
            else:
                fact = self.asked.facts[-1]
                self._say(self.rng.choice(wording.SEARCH_LEADS).format(query=fact.entity.name))
                self._again()
        else:
            self._check(full=True)

    def _stop(self, phrases: Sequence[str]) -> bool:
        """Ends the research without an answer."""
        self.stated = UNKNOWN
        if self.thinking:
            self._state(self._pending + self.rng.choice(phrases).format(d=UNKNOWN), UNKNOWN)
        return False

    def _say(self, text: str) -> None:
        if self.thinking:
            self.scratch.say(text)

    def _state(self, text: str, value: str) -> None:
        self.scratch.state(text, value)
        self.stated = value

    def _close(self) -> None:
        assert self.stated is not None
        close(self.scratch, self.stated)


def draw_search_budget(rng: random.Random, behaviour: Behaviour) -> Budget | None:
    """A budget for searches, from none to plenty; mostly none is shown."""
    if rng.random() >= behaviour.budget:
        return None
    return draw_budget(rng, SEARCH, rng.choice(behaviour.searches_left))
