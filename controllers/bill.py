"""What engine calls cost, charged as it is spent."""

from __future__ import annotations

from ..core.charging import book_auxiliary
from ..core.ledger import TOKENS, USD, Ledger
from ..core.model import Price


class Bill:
    """Charges the engine calls of one trajectory to its ledger."""

    def __init__(self, ledger: Ledger, price: Price) -> None:
        self._ledger, self._price = ledger, price

    def prompt(self, tokens: int) -> None:
        """A call begins with so many ids."""
        self._ledger.charge(USD, self._price.usd(tokens, 0))

    def cached(self, tokens: int) -> None:
        """The engine held so many of them already, which makes them cheaper."""
        self._ledger.charge(USD, self._price.usd(tokens, 0, tokens) - self._price.usd(tokens, 0))

    def sampled(self, tokens: int) -> None:
        """So many tokens were sampled, kept or not."""
        self._ledger.charge(TOKENS, tokens)
        if self._price.output:
            self._ledger.charge(USD, self._price.usd(0, tokens))


class SideBill(Bill):
    """Charges calls of the served model beside a trajectory: as auxiliary, too."""

    def prompt(self, tokens: int) -> None:
        super().prompt(tokens)
        book_auxiliary(self._ledger, tokens, 0)

    def sampled(self, tokens: int) -> None:
        super().sampled(tokens)
        book_auxiliary(self._ledger, 0, tokens)
