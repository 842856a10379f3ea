"""What rows cost: by a price that the user gave, else by the server's own ledger."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from ...core.errors import ConfigError
from ...core.model import Price
from .rows import Row

Dollars = Callable[[Row], float | None]
"""From a row to its dollars, None where they are not known."""


def parse_price(text: str) -> Price:
    """Dollars per million tokens from the command line. Errors: ConfigError.

    Example: parse_price("input=0.5,output=2") == Price(input=0.5, output=2.0); cached_input is the third name.
    """
    pairs = [part.partition("=") for part in text.split(",")]
    try:
        return msgspec.convert({name.strip(): float(value) for name, _, value in pairs}, _Given).price()
    except (ValueError, msgspec.ValidationError) as error:
        raise ConfigError(f"--price: write input=0.5,output=2 (dollars per million tokens): {error}") from error


class _Given(msgspec.Struct, forbid_unknown_fields=True):
    input: float
    output: float
    cached_input: float | None = None

    def price(self) -> Price:
        """As core has it. Errors: ValueError for a negative one."""
        if min(self.input, self.output, self.cached_input or 0.0) < 0:
            raise ValueError("a price cannot be negative")
        return Price(input=self.input, output=self.output, cached_input=self.cached_input)


def dollars(price: Price | None, rows: Sequence[Row]) -> Dollars:
    """How the rows of a run are priced. A ledger that says 0 everywhere is one of a server without prices: not known.

    Example: at input=1, output=10 a row of 200 prompt tokens, 100 of them cached, and 50 sampled ones costs
    (200 * 1 + 50 * 10) / 1e6 = 0.0007 dollars. What tools cost is in the ledger alone.
    """
    if price is not None:
        return lambda row: _priced(price, row)
    if any(row.usd for row in rows):
        return lambda row: row.usd
    return lambda row: None


def _priced(price: Price, row: Row) -> float | None:
    if row.prompt_tokens is None or row.sampled is None:
        return None
    return price.usd(row.prompt_tokens, row.sampled, row.cached_tokens or 0)
