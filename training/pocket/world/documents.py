"""The documents of the world: a fixed encyclopedia of invented entities, one passage each, many with similar names.

No training example is about any of them: the reasoner learns to read from entities that are invented anew each time."""

import json
import random
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

from ....tools.passages import Passage
from .entities import ATTRIBUTES, ENTITY_KINDS, Entity, EntityKind, describe, draw_name, draw_value, similar_name
from .lookup import Encyclopedia
from .question import VERSION

GROUPS = 40
"""Groups of entities with similar names, for each kind."""
GROUP = 3
CORPUS = "corpus.jsonl"


@cache
def encyclopedia() -> Encyclopedia:
    """Every entity of the documents, always the same: 720 in 240 groups of similar names."""
    rng = random.Random(f"{VERSION}/documents")
    names = _draw_names(rng)
    entities = []
    for kind, own in names.items():
        for name in own:
            values = {}
            for attribute in ATTRIBUTES[kind]:
                target = attribute.target
                values[attribute.name] = rng.choice(names[target]) if target else draw_value(rng, attribute)
            entities.append(Entity(kind, name, values))
    return Encyclopedia(entities)


def documents() -> list[Passage]:
    """One passage an entity, in a fixed order."""
    rng = random.Random(f"{VERSION}/passages")
    entities = list(encyclopedia().entities)
    rng.shuffle(entities)
    return [Passage(f"{e.kind}-{n:03}", e.name, describe(rng, e)) for n, e in enumerate(entities)]


def write_documents(folder: Path) -> None:
    """Writes corpus.jsonl, one passage a line."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = ({"id": p.id, "title": p.title, "text": p.text} for p in documents())
    text = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    (folder / CORPUS).write_text(text, encoding="utf-8")


def _draw_names(rng: random.Random) -> dict[EntityKind, list[str]]:
    taken: set[str] = set()
    names: dict[EntityKind, list[str]] = {kind: [] for kind in ENTITY_KINDS}
    for kind in ENTITY_KINDS:
        for _ in range(GROUPS):
            group = [_fresh(taken, partial(draw_name, rng, kind))]
            group += [_fresh(taken, partial(similar_name, rng, group[0])) for _ in range(GROUP - 1)]
            names[kind] += group
    return names


def _fresh(taken: set[str], draw: Callable[[], str]) -> str:
    """The first drawn name that nothing has yet."""
    while (name := draw()) in taken:
        pass
    taken.add(name)
    return name
