"""Invented towns, people, rivers, mountains, companies and ships: their names, their facts, and their passages."""

import random
from dataclasses import dataclass, field
from typing import Literal

EntityKind = Literal["town", "person", "river", "mountain", "company", "ship"]
ValueKind = Literal["year", "digit", "count", "word", "entity"]
"""year: 1100 to 1990; digit: 1 to 9; count: 12 to 99,999; word: a trade; entity: the name of another entity."""

TRADES = ("baker", "smith", "weaver", "painter", "doctor", "teacher", "miller", "sailor", "judge", "gardener")


@dataclass(frozen=True, slots=True)
class Attribute:
    """One thing that is known of every entity of a kind.

    `{e}` is the entity, `{v}` the value; `query` is what a search for it says next to the name."""

    name: str
    value: ValueKind
    query: str
    asks: tuple[str, ...]
    facts: tuple[str, ...]
    phrase: str = ""
    """How a longer question names the value: `the mayor of {e}`; needed for entities and digits."""
    target: EntityKind | None = None
    """The kind of the entity that the value names."""


def _who(noun: str) -> tuple[str, ...]:
    return (f"Who is the {noun} of {{e}}?", f"What is the name of the {noun} of {{e}}?", f"Name the {noun} of {{e}}.")


def _many(things: str, verb: str = "have") -> tuple[str, ...]:
    return (f"How many {things} does {{e}} {verb}?", f"What is the number of {things} of {{e}}?")


ATTRIBUTES: dict[EntityKind, tuple[Attribute, ...]] = {
    "town": (
        Attribute(
            "founded",
            "year",
            "founded",
            ("In which year was {e} founded?", "When was {e} founded?", "What is the founding year of {e}?"),
            ("It was founded in {v}.", "The founding year is {v}."),
        ),
        Attribute(
            "people",
            "count",
            "people",
            ("How many people live in {e}?", "What is the population of {e}?"),
            ("It has {v} people.", "{v} people live there."),
        ),
        Attribute(
            "bridges",
            "digit",
            "bridges",
            _many("bridges"),
            ("It has {v} bridges.", "There are {v} bridges."),
            "the number of bridges of {e}",
        ),
        Attribute(
            "mayor",
            "entity",
            "mayor",
            _who("mayor"),
            ("The mayor is {v}.", "Its mayor is {v}."),
            "the mayor of {e}",
            "person",
        ),
    ),
    "person": (
        Attribute(
            "born",
            "year",
            "born",
            ("In which year was {e} born?", "When was {e} born?", "What is the year of birth of {e}?"),
            ("The year of birth is {v}.", "Born in {v}."),
        ),
        Attribute(
            "children",
            "digit",
            "children",
            _many("children"),
            ("There are {v} children.", "The family has {v} children."),
            "the number of children of {e}",
        ),
        Attribute(
            "trade",
            "word",
            "trade",
            ("What is the trade of {e}?", "What does {e} do for a living?"),
            ("The trade is {v}.", "By trade a {v}."),
        ),
        Attribute(
            "home",
            "entity",
            "home town",
            ("In which town does {e} live?", "What is the home town of {e}?"),
            ("The home town is {v}.", "Lives in {v}."),
            "the home town of {e}",
            "town",
        ),
    ),
    "river": (
        Attribute(
            "length",
            "count",
            "length",
            ("How many kilometres long is {e}?", "What is the length of {e} in kilometres?"),
            ("It is {v} kilometres long.", "Its length is {v} kilometres."),
        ),
        Attribute(
            "mills",
            "digit",
            "mills",
            _many("mills"),
            ("It drives {v} mills.", "There are {v} mills."),
            "the number of mills of {e}",
        ),
        Attribute(
            "source",
            "entity",
            "source mountain",
            ("On which mountain does {e} begin?", "What is the source of {e}?"),
            ("It begins on {v}.", "The source is {v}."),
            "the mountain where {e} begins",
            "mountain",
        ),
    ),
    "mountain": (
        Attribute(
            "height",
            "count",
            "height",
            ("How many metres high is {e}?", "What is the height of {e} in metres?"),
            ("It is {v} metres high.", "Its height is {v} metres."),
        ),
        Attribute(
            "huts",
            "digit",
            "huts",
            _many("huts"),
            ("It has {v} huts.", "There are {v} huts."),
            "the number of huts of {e}",
        ),
        Attribute(
            "climber",
            "entity",
            "first climber",
            ("Who climbed {e} first?", "Who was the first climber of {e}?"),
            ("The first climber was {v}.", "First climbed by {v}."),
            "the first climber of {e}",
            "person",
        ),
    ),
    "company": (
        Attribute(
            "opened",
            "year",
            "opened",
            ("In which year did {e} open?", "When did {e} open?"),
            ("It opened in {v}.", "The opening year is {v}."),
        ),
        Attribute(
            "workers",
            "count",
            "workers",
            ("How many people work at {e}?", "What is the number of workers of {e}?"),
            ("It has {v} workers.", "{v} people work there."),
        ),
        Attribute("head", "entity", "head", _who("head"), ("The head is {v}.",), "the head of {e}", "person"),
        Attribute(
            "seat",
            "entity",
            "seat town",
            ("In which town is {e}?", "Where is the seat of {e}?"),
            ("The seat is in {v}.", "It stands in {v}."),
            "the town where {e} stands",
            "town",
        ),
    ),
    "ship": (
        Attribute(
            "launched",
            "year",
            "launched",
            ("In which year was {e} launched?", "When was {e} launched?"),
            ("It was launched in {v}.", "Launched in {v}."),
        ),
        Attribute(
            "masts",
            "digit",
            "masts",
            _many("masts"),
            ("It has {v} masts.", "There are {v} masts."),
            "the number of masts of {e}",
        ),
        Attribute(
            "captain", "entity", "captain", _who("captain"), ("The captain is {v}.",), "the captain of {e}", "person"
        ),
    ),
}
ENTITY_KINDS: tuple[EntityKind, ...] = tuple(ATTRIBUTES)

_FIRST = (
    *("Vel", "Tar", "Kes", "Mor", "Bran", "Osk", "Lin", "Dor", "Pel", "Ruv", "Sam", "Hal", "Jor", "Nem", "Quil"),
    *("Wes", "Yar", "Zan", "Fen", "Gal", "Ist", "Cor", "Ulm", "Ath", "Eb", "Sil", "Thr", "Bel", "Kar", "Mund"),
)
_MIDDLE = ("a", "e", "i", "o", "u", "am", "er", "ol", "un", "ar", "ev", "id", "os", "ut", "im")
_LAST = (
    *("ra", "dan", "mor", "sk", "ta", "len", "via", "gor", "ne", "lis", "by", "fell", "ton", "mar", "del", "ko", "win"),
    *("rik", "sa", "vel", "no", "th", "bor"),
)


@dataclass(frozen=True, slots=True)
class Entity:
    """One invented thing. Example: `Entity("town", "Velamor", {"founded": "1342", ...})`."""

    kind: EntityKind
    name: str
    values: dict[str, str] = field(default_factory=dict)


def draw_name(rng: random.Random, kind: EntityKind) -> str:
    """A name that nothing real has: people have two words."""
    name = rng.choice(_FIRST) + rng.choice(_MIDDLE) + rng.choice(_LAST)
    if kind == "person":
        return f"{name} {rng.choice(_FIRST)}{rng.choice(_MIDDLE)}{rng.choice(_LAST)}"
    return name


def similar_name(rng: random.Random, name: str) -> str:
    """Another name that shares its beginning: `Velamor` gives `Velator`."""
    head, _, tail = name.partition(" ")
    start = next((s for s in sorted(_FIRST, key=len, reverse=True) if head.startswith(s)), head[:3])
    while True:
        other = start + rng.choice(_MIDDLE) + rng.choice(_LAST)
        if other != head:
            return f"{other} {tail}".strip()


def draw_value(rng: random.Random, attribute: Attribute) -> str:
    """A value of the attribute; an entity's is a fresh name."""
    match attribute.value:
        case "year":
            return str(rng.randint(1100, 1990))
        case "digit":
            return str(rng.randint(1, 9))
        case "count":
            digits = rng.randint(2, 5)
            return str(rng.randrange(10 ** (digits - 1) + 2, 10**digits))
        case "word":
            return rng.choice(TRADES)
        case "entity":
            assert attribute.target is not None
            return draw_name(rng, attribute.target)


def draw_entity(rng: random.Random, kind: EntityKind, name: str | None = None) -> Entity:
    """An entity with a value for each attribute of its kind."""
    values = {attribute.name: draw_value(rng, attribute) for attribute in ATTRIBUTES[kind]}
    return Entity(kind, name or draw_name(rng, kind), values)


def describe(rng: random.Random, entity: Entity) -> str:
    """The text of the entity's passage: every fact once, in a drawn order and wording."""
    article = "an" if entity.kind[0] in "aeiou" else "a"
    facts = [
        rng.choice(attribute.facts).format(v=entity.values[attribute.name]) for attribute in ATTRIBUTES[entity.kind]
    ]
    rng.shuffle(facts)
    return " ".join((f"{entity.name} is {article} {entity.kind}.", *facts))


def attributes_with(kind: EntityKind, *values: ValueKind) -> list[Attribute]:
    """The attributes of a kind whose values are of one of these kinds."""
    return [attribute for attribute in ATTRIBUTES[kind] if attribute.value in values]
