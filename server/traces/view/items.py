"""A log in the order in which it was written, what was dropped at its place."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from ....core.events import (
    AnyEvent,
    Appended,
    Channel,
    Dropped,
    Finished,
    Origin,
    Overshot,
    Rendered,
    ToolAnswered,
    ToolCalled,
)

OVERSHOT = "overshoot"
"""Who dropped what the engine had sampled past an edit."""


class Stretch(msgspec.Struct, frozen=True):
    """Tokens that share their properties; `position` is that of the first when it was written."""

    position: int
    ids: Sequence[int]
    channel: Channel
    origin: Origin
    marker: bool
    dropped_by: str | None = None
    """None: they were kept."""


class Happening(msgspec.Struct, frozen=True):
    """What happened behind the stretches before it. A call or result is `dropped` with its tokens."""

    event: AnyEvent
    dropped: bool = False


Item = Stretch | Happening


def items_of(log: Iterable[AnyEvent]) -> list[Item]:
    """Everything behind the prompt.

    Example: "a b c" sampled, dropped from the second on by "trimr", then "d": kept "a", dropped "b c", the drop, kept "d".
    """
    items: list[Item] = []
    for event in log:
        match event:
            case Rendered():
                pass
            case Appended():
                items.append(Stretch(event.position, event.ids, event.channel, event.origin, event.marker))
            case Overshot():
                items.append(Stretch(event.position, event.ids, event.channel, Origin.SAMPLED, False, OVERSHOT))
            case Dropped():
                items = _dropped(items, event)
                items.append(Happening(event))
            case _:
                items.append(Happening(event))
    return items


def _dropped(items: list[Item], drop: Dropped) -> list[Item]:
    """The items with everything from the drop's position on marked."""
    marked: list[Item] = []
    for item in items:
        if isinstance(item, Happening):
            marked.append(_with_its_tokens(item, drop.position))
        elif item.dropped_by is not None or item.position + len(item.ids) <= drop.position:
            marked.append(item)
        else:
            marked += _split(item, drop)
    return marked


def _with_its_tokens(item: Happening, position: int) -> Happening:
    event = item.event
    if not isinstance(event, ToolCalled | ToolAnswered):
        return item
    return msgspec.structs.replace(
        item, dropped=item.dropped or event.position + isinstance(event, ToolAnswered) > position
    )


def _split(item: Stretch, drop: Dropped) -> list[Item]:
    keep = max(0, drop.position - item.position)
    rest = msgspec.structs.replace(
        item, position=item.position + keep, ids=item.ids[keep:], dropped_by=drop.by or "dropped"
    )
    return [msgspec.structs.replace(item, ids=item.ids[:keep]), rest] if keep else [rest]


def prompt_of(log: Iterable[AnyEvent]) -> list[int]:
    """The prompt's ids."""
    return next((event.ids for event in log if isinstance(event, Rendered)), [])


def finished_by(log: Iterable[AnyEvent]) -> Finished | None:
    """The end, where it came to one."""
    return next((event for event in log if isinstance(event, Finished)), None)
