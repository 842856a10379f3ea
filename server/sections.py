"""Parts of the configuration that several sections share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from ..core.model import Price


class Section(BaseModel):
    """A part of the configuration: nothing unknown in it, and it never changes."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class PriceSection(Section):
    """Dollars per million tokens."""

    input: float = Field(default=0.0, ge=0)
    cached_input: float | None = Field(default=None, ge=0)
    output: float = Field(default=0.0, ge=0)

    def price(self) -> Price:
        """As the core has it."""
        return Price(self.input, self.cached_input, self.output)
