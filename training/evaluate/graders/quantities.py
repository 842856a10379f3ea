r"""Numbers as people and models write them: 1,234.5; -3/4; \frac{3}{4}; 1.2 \times 10^{3}; 12%; $5; 3.5 km."""

from __future__ import annotations

import math
import re
from typing import NamedTuple

_DIGITS = r"(?:\d{1,3}(?:[,_\u00a0\u2009\u202f' ]\d{3})+(?!\d)|\d+)(?:\.\d+)?|\.\d+"
_POWER = r"(?:[eE][+-]?\d+|\s*(?:\*|x|\u00d7|\\times|\\cdot)\s*10\s*(?:\^|\*\*)\s*\{?\s*[+-]?\d+\s*\}?)?"
_FRACTION = r"\\[dt]?frac\s*\{?\s*(?P<over>-?[\d.]+)\s*\}?\s*\{?\s*(?P<under>[\d.]+)\s*\}?"
_QUANTITY = re.compile(
    rf"(?P<sign>(?<![\w.)\]}}])[-+])?\s*(?P<money>[$€£])?\s*(?P<after>(?<=[$€£])[-+])?\s*"
    rf"(?:{_FRACTION}|(?P<number>{_DIGITS})(?P<power>{_POWER})(?:\s*/\s*(?P<by>\d+(?:\.\d+)?)(?![\w/]))?)"
    rf"\s*(?P<unit>%|percent\b|°?[A-Za-zµμΩ€£]+(?:[²³]|\^\d)?(?:/[A-Za-z]+)?)?"
)
_UNITS: dict[str, tuple[str, float]] = {
    **dict.fromkeys(("%", "percent"), ("share", 0.01)),
    **dict.fromkeys(("$", "usd", "dollar", "dollars"), ("usd", 1.0)),
    **dict.fromkeys(("cent", "cents"), ("usd", 0.01)),
    **dict.fromkeys(("€", "eur", "euro", "euros"), ("eur", 1.0)),
    **dict.fromkeys(("£", "gbp", "pounds sterling"), ("gbp", 1.0)),
    **dict.fromkeys(("mm", "millimeters", "millimetres"), ("length", 1e-3)),
    **dict.fromkeys(("cm", "centimeters", "centimetres", "centimeter"), ("length", 1e-2)),
    **dict.fromkeys(("m", "meter", "meters", "metre", "metres"), ("length", 1.0)),
    **dict.fromkeys(("km", "kilometer", "kilometers", "kilometres"), ("length", 1e3)),
    **dict.fromkeys(("inch", "inches"), ("length", 0.0254)),
    **dict.fromkeys(("ft", "foot", "feet"), ("length", 0.3048)),
    **dict.fromkeys(("mile", "miles"), ("length", 1609.344)),
    **dict.fromkeys(("mg",), ("mass", 1e-6)),
    **dict.fromkeys(("g", "gram", "grams"), ("mass", 1e-3)),
    **dict.fromkeys(("kg", "kilogram", "kilograms"), ("mass", 1.0)),
    **dict.fromkeys(("ms",), ("time", 1e-3)),
    **dict.fromkeys(("s", "sec", "second", "seconds"), ("time", 1.0)),
    **dict.fromkeys(("min", "minute", "minutes"), ("time", 60.0)),
    **dict.fromkeys(("h", "hour", "hours"), ("time", 3600.0)),
    **dict.fromkeys(("day", "days"), ("time", 86400.0)),
    **dict.fromkeys(("ml", "milliliters", "millilitres"), ("volume", 1e-3)),
    **dict.fromkeys(("l", "liter", "liters", "litre", "litres"), ("volume", 1.0)),
    **dict.fromkeys(("°", "deg", "degree", "degrees"), ("angle", 1.0)),
}
"""Spelling -> dimension and factor to its base. "in" is not among them: mostly it is the word."""


class Quantity(NamedTuple):
    """A number, and its unit as it was written: Quantity(12.0, "%")."""

    value: float
    unit: str | None

    def same(self, other: Quantity, relative: float, absolute: float) -> bool:
        """Whether both are the same within a tolerance. A missing unit is any, and a missing % too: 50% is 50 and 0.5.

        Example: 1.5 km is 1500 m; 90 km/h is 25 m/s; 12 apples is 12, as a word that is no known unit says nothing.
        """
        return any(math.isclose(a, b, rel_tol=relative, abs_tol=absolute) for a, b in _readings(self, other))


def _readings(a: Quantity, b: Quantity) -> list[tuple[float, float]]:
    """Pairs of numbers, one of which must agree."""
    known_a, known_b = _meaning(a.unit), _meaning(b.unit)
    if known_a and known_b:
        return [(a.value * known_a[1], b.value * known_b[1])] if known_a[0] == known_b[0] else []
    plain = [(a.value, b.value)]
    (dimension, factor) = known_a or known_b or ("", 1.0)
    if dimension != "share":
        return plain
    return [*plain, (a.value * (factor if known_a else 1.0), b.value * (factor if known_b else 1.0))]


def _meaning(unit: str | None) -> tuple[str, float] | None:
    """Dimension and factor of a known unit: of "km/h" ("length/time", 1000 / 3600), of "cm²" ("length2", 0.0001)."""
    above, slash, below = (unit or "").lower().partition("/")
    if slash:
        over, under = _meaning(above), _meaning(below)
        return (f"{over[0]}/{under[0]}", over[1] / under[1]) if over and under else None
    bare = above.rstrip("²³23^")
    power = {"²": 2, "³": 3, "2": 2, "3": 3}.get(above[len(bare) :].lstrip("^"), 1)
    known = _UNITS.get(bare)
    if known is None:
        return None
    return (known[0] + (str(power) if power > 1 else ""), known[1] ** power)


def quantities(text: str) -> list[Quantity]:
    r"""Every number in a text, in its order, with the word behind it as its unit.

    Example: "1{,}234.5 km or 12\%" holds Quantity(1234.5, "km") and Quantity(12.0, "%").
    """
    plain = text.replace("{,}", ",").replace("\u2212", "-").replace("\\$", "$").replace("\\%", "%")
    plain = re.sub(r"\\[,;!: ]", " ", plain)
    plain = re.sub(r"\\(?:text|mathrm|textbf|mbox)\s*\{([^{}]*)\}", r" \1 ", plain)
    found = (_quantity(match) for match in _QUANTITY.finditer(plain))
    return [quantity for quantity in found if quantity is not None]


def _quantity(match: re.Match[str]) -> Quantity | None:
    try:
        value = _value(match)
    except (ValueError, ZeroDivisionError, OverflowError):
        return None
    if "-" in (match["sign"], match["after"]):
        value = -value
    return Quantity(value, match["unit"] or match["money"]) if math.isfinite(value) else None


def _value(match: re.Match[str]) -> float:
    if match["over"] is not None:
        return float(match["over"]) / float(match["under"])
    number = re.sub(r"[,_\u00a0\u2009\u202f' ]", "", match["number"])
    if power := match["power"]:
        exponent = re.findall(r"[+-]?\d+", power)[-1]
        number += f"e{exponent}"
    return float(number) / (float(match["by"]) if match["by"] else 1.0)
