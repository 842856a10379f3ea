"""The `[traces]` section of the configuration."""

from __future__ import annotations

from pydantic import Field, field_validator

from ..sections import Section


class KeepSection(Section):
    """How long episodes are kept; without a limit, for ever. The oldest go first, with all that belongs to them."""

    days: float | None = Field(default=None, gt=0)
    episodes: int | None = Field(default=None, ge=1)
    mib: float | None = Field(default=None, gt=0)
    """Of requests and logs, as they are stored. A SQLite file does not shrink by it, it stops to grow."""
    every_seconds: float = Field(default=60.0, gt=0)
    """How often is looked."""


class TracesSection(Section):
    """The trace store."""

    url: str | None = None
    """An SQLAlchemy URL, e.g. sqlite:///traces.sqlite or postgresql+psycopg://…; None: nothing is stored."""
    queue: int = Field(default=256, ge=1)
    """Episodes that wait to be written; further ones are dropped, and counted."""
    sample: float = Field(default=1.0, ge=0, le=1)
    """The share of episodes that is stored, drawn by their ids."""
    keep: KeepSection = KeepSection()
    text: bool = True
    """Store what was asked and answered; without it counts, decisions and costs only."""
    redact: tuple[str, ...] = ()
    """Expressions (RE2 syntax) whose matches are taken out of texts and tokens. Keys are, without being named."""

    @field_validator("redact")
    @classmethod
    def _are_expressions(cls, expressions: tuple[str, ...]) -> tuple[str, ...]:
        if expressions:
            from .redaction.patterns import compiled

            for each in expressions:
                compiled(each)
        return expressions
