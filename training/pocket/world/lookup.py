"""Questions that only the documents answer: one fact, a fact of a fact, a fact and a chain, two facts together."""

import random
from collections.abc import Sequence
from dataclasses import dataclass

from .chain import JOINERS, TASKS, Chain, Operation, draw_operations, word_operations
from .entities import (
    ATTRIBUTES,
    ENTITY_KINDS,
    Attribute,
    Entity,
    EntityKind,
    attributes_with,
    draw_entity,
)
from .question import Kind, Question, Shares, Split, split_of

FACT_PERCENT: Shares = {"test": range(40), "validation": range(40, 50), "train": range(50, 100)}
"""Facts of the shipped documents are few, so tests own more of them than of the other kinds."""
MAX_OPERATIONS = 4

_INTROS = ("", "", "", "Please look this up.", "I need a fact.", "Find this out.", "A quick question:")
_CHAIN_STARTS = ("Start with {phrase}", "Take {phrase}", "Begin with {phrase}")
_PAIRS = (
    "Add {first} and {second}. What is the last digit of the sum?",
    "What is {first} plus {second}, modulo 10?",
    "Take {first} and {second} together. What is the sum modulo 10?",
)


@dataclass(frozen=True, slots=True)
class Fact:
    """One attribute of one entity. Example: the mayor of Velamor."""

    entity: Entity
    attribute: Attribute

    @property
    def value(self) -> str:
        """What the documents say."""
        return self.entity.values[self.attribute.name]

    @property
    def query(self) -> str:
        """What a search for it says: `Velamor mayor`."""
        return f"{self.entity.name} {self.attribute.query}"

    @property
    def key(self) -> str:
        """The canonical form."""
        return f"{self.entity.name}/{self.attribute.name}"


@dataclass(frozen=True, slots=True)
class AskedLookup:
    """A lookup with its question.

    The facts are read in order; of a two_hop the second is about the entity that the first names; of a pair both may
    be read at once. The operations follow a lookup_chain's fact, in the words of `clauses`."""

    question: Question
    facts: tuple[Fact, ...]
    operations: tuple[Operation, ...] = ()
    clauses: tuple[str, ...] = ()

    @property
    def chain(self) -> Chain:
        """The arithmetic that follows the facts; digits only."""
        if self.question.kind == "pair":
            return Chain(int(self.facts[0].value), (Operation("+", int(self.facts[1].value)),))
        return Chain(int(self.facts[0].value), self.operations)

    @property
    def key(self) -> str:
        """The canonical form, equal for every paraphrase."""
        chain = "".join(f"{o.operator}{o.digit}" for o in self.operations)
        return " ".join((self.question.kind, *sorted(fact.key for fact in self.facts), chain)).strip()

    @property
    def split(self) -> Split:
        """The split that owns this question about the shipped documents."""
        return split_of(self.key, FACT_PERCENT)


class Encyclopedia:
    """Entities that name each other: what the documents are about."""

    def __init__(self, entities: Sequence[Entity]) -> None:
        self.entities = tuple(entities)
        self.named = {entity.name: entity for entity in entities}
        self._of_kind = {kind: [e for e in entities if e.kind == kind] for kind in ENTITY_KINDS}

    def draw(self, rng: random.Random, kind: EntityKind) -> Entity:
        """One of the entities of that kind."""
        return rng.choice(self._of_kind[kind])

    def follow(self, fact: Fact) -> Entity:
        """The entity that the fact's value names."""
        return self.named[fact.value]


class FreshEncyclopedia(Encyclopedia):
    """Invents every entity when it is asked for, so that nothing in it can be learned by heart."""

    def __init__(self, rng: random.Random) -> None:
        super().__init__(())
        self._rng = rng

    def draw(self, rng: random.Random, kind: EntityKind) -> Entity:
        return draw_entity(rng, kind)

    def follow(self, fact: Fact) -> Entity:
        assert fact.attribute.target is not None
        return draw_entity(self._rng, fact.attribute.target, fact.value)


def ask_lookup(rng: random.Random, source: Encyclopedia, kind: Kind, steps: int = 0) -> AskedLookup:
    """A question of that kind about entities of the source; `steps` operations after the fact of a lookup_chain.

    Raises ValueError for a kind that needs no documents."""
    match kind:
        case "one_hop":
            return _one_hop(rng, source)
        case "two_hop":
            return _two_hop(rng, source)
        case "lookup_chain":
            return _lookup_chain(rng, source, steps or rng.randint(1, MAX_OPERATIONS))
        case "pair":
            return _pair(rng, source)
        case _:
            raise ValueError(f"a question of kind {kind} needs no documents")


def _one_hop(rng: random.Random, source: Encyclopedia) -> AskedLookup:
    entity = source.draw(rng, rng.choice(ENTITY_KINDS))
    fact = Fact(entity, rng.choice(ATTRIBUTES[entity.kind]))
    text = rng.choice(fact.attribute.asks).format(e=_refer(rng, entity))
    return AskedLookup(_question(rng, "one_hop", text, fact.value, 1), (fact,))


def _two_hop(rng: random.Random, source: Encyclopedia) -> AskedLookup:
    entity = source.draw(rng, rng.choice(ENTITY_KINDS))
    first = Fact(entity, rng.choice(attributes_with(entity.kind, "entity")))
    target = source.follow(first)
    second = Fact(target, rng.choice(attributes_with(target.kind, "year", "digit", "count", "word")))
    named = first.attribute.phrase.format(e=_refer(rng, entity))
    text = rng.choice(second.attribute.asks).format(e=named)
    return AskedLookup(_question(rng, "two_hop", text, second.value, 2), (first, second))


def _lookup_chain(rng: random.Random, source: Encyclopedia, steps: int) -> AskedLookup:
    fact = _digit(rng, source)
    operations = draw_operations(rng, steps)
    clauses = word_operations(rng, operations)
    start = rng.choice(_CHAIN_STARTS).format(phrase=fact.attribute.phrase.format(e=_refer(rng, fact.entity)))
    text = rng.choice(JOINERS).join((start, *clauses)) + ". " + rng.choice(TASKS)
    answer = str(Chain(int(fact.value), operations).answer)
    return AskedLookup(_question(rng, "lookup_chain", text, answer, steps), (fact,), operations, clauses)


def _pair(rng: random.Random, source: Encyclopedia) -> AskedLookup:
    first, second = _digit(rng, source), _digit(rng, source)
    while second.entity.name == first.entity.name:
        second = _digit(rng, source)
    phrases = (fact.attribute.phrase.format(e=_refer(rng, fact.entity)) for fact in (first, second))
    text = rng.choice(_PAIRS).format(first=next(phrases), second=next(phrases))
    answer = str((int(first.value) + int(second.value)) % 10)
    return AskedLookup(_question(rng, "pair", text, answer, 2), (first, second))


def _digit(rng: random.Random, source: Encyclopedia) -> Fact:
    kind = rng.choice([kind for kind in ENTITY_KINDS if attributes_with(kind, "digit")])
    return Fact(source.draw(rng, kind), rng.choice(attributes_with(kind, "digit")))


def _refer(rng: random.Random, entity: Entity) -> str:
    """The name, sometimes with its kind: `the town Velamor`."""
    if entity.kind == "person" or rng.random() < 0.5:
        return entity.name
    return f"the {entity.kind} {entity.name}"


def _question(rng: random.Random, kind: Kind, text: str, answer: str, difficulty: int) -> Question:
    return Question(kind, f"{rng.choice(_INTROS)} {text}".strip(), answer, difficulty)
