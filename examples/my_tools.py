"""Tools of your own: typed functions in one file. Name it where tools are loaded: --tools examples/my_tools.py."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from flyball.core.errors import ToolError
from flyball.tools.marks import tool
from flyball.tools.tool import CallContext

Unit = Literal["m", "km", "mile", "g", "kg", "pound"]

LENGTHS = {"m": 1.0, "km": 1000.0, "mile": 1609.344}
WEIGHTS = {"g": 1.0, "kg": 1000.0, "pound": 453.59237}


@tool(effect="pure", timeout=1)
def convert(amount: float, source: Unit, target: Unit) -> float:
    """Converts a length or a weight to another unit.

    Args:
        amount: How much of the source unit.
        source: The unit of the amount.
        target: The unit that is asked for.
    """
    for units in (LENGTHS, WEIGHTS):
        if source in units and target in units:
            return round(amount * units[source] / units[target], 6)
    raise ToolError(  # its text goes to the model, which can mend its call
        f"cannot convert {source} to {target}; lengths: {', '.join(LENGTHS)}; weights: {', '.join(WEIGHTS)}"
    )


@dataclass
class Day:
    """What a tool returns may be any JSON, a dataclass or a pydantic model."""

    day: date
    weekday: str


@tool(effect="pure")
def next_weekday(after: date) -> Day:
    """Tells the first day after a date that is not on a weekend."""
    day = after + timedelta(days=1)
    while day.weekday() >= 5:
        day += timedelta(days=1)
    return Day(day, day.strftime("%A"))


_notes: dict[str, list[str]] = defaultdict(list)


@tool()  # without a mark of its own: side effects, so it is neither repeated nor answered from memory
async def note(text: str, caller: CallContext) -> str:
    """Writes something down for later in this conversation."""
    _notes[caller.session].append(text)  # state under the session's key: no other conversation can reach it
    return f"{len(_notes[caller.session])} notes so far"
