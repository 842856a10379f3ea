"""The answer that must match a grammar, or must be a tool call: attached to the call that begins the answer."""

from __future__ import annotations

from ..core.chat_format import ChatFormat, ForcedCall
from ..core.engine import Grammar
from ..core.events import Channel
from ..core.trajectory import Trajectory
from .scanner import Scanner


class AnswerPhase:
    """Waits for the end of thinking, then fixes the answer; a fixed answer is not edited.

    A forced call is written around the grammar: `forced.opening`, a body that matches the schema, `forced.closing`.
    """

    def __init__(self, grammar: Grammar | None, forced: ForcedCall | None) -> None:
        self.grammar = Grammar(json_schema=forced.schema) if forced is not None else grammar
        self._forced = forced
        self._began_at: int | None = None

    @property
    def fixed(self) -> bool:
        """Whether the answer has begun."""
        return self._began_at is not None

    def forget_after(self, position: int) -> None:
        """Everything from this position on was dropped."""
        if self._began_at is not None and self._began_at >= position:
            self._began_at = None

    def call_was_answered(self) -> None:
        """A call has its result: if it is the one that had to be made, what follows is free."""
        if self._forced is not None and self.fixed:
            self.grammar = self._forced = self._began_at = None

    @property
    def wanted(self) -> bool:
        """Whether the answer is constrained at all."""
        return self.grammar is not None

    @property
    def waits(self) -> bool:
        """Whether thinking must end first: the engine call is to stop there."""
        return self.wanted and not self.fixed

    def due(self, channel: Channel) -> bool:
        """Whether the answer begins with the next call. A call may be quoted in thinking: that is no answer."""
        return self.waits and channel not in (Channel.THINK, Channel.CALL)

    def begin(self, scanner: Scanner, trajectory: Trajectory, format: ChatFormat) -> None:
        """Fix the answer, and write what comes before it."""
        self._began_at = len(trajectory.ids)
        if trajectory.ids and trajectory.ids[-1] == format.think_end_id:
            scanner.inject(format.answer_open_ids)
        if self._forced is not None:
            scanner.inject(format.encode(self._forced.opening))

    def end_of_turn(self, scanner: Scanner, trajectory: Trajectory, format: ChatFormat) -> bool:
        """The model ended its turn. True: it had not begun the answer, so its thinking is closed and it goes on.

        After the body of a forced call, what comes after it is written.
        """
        if self.waits:
            self._drop_end(scanner, trajectory, format)
            scanner.inject(format.close_thinking(""))
            return True
        if self.fixed and self._forced is not None:
            self._drop_end(scanner, trajectory, format)
            scanner.inject(format.encode(self._forced.closing))
        return False

    @staticmethod
    def _drop_end(scanner: Scanner, trajectory: Trajectory, format: ChatFormat) -> None:
        if trajectory.ids and trajectory.ids[-1] in format.eos_ids:
            trajectory.drop(len(trajectory.ids) - 1, "format")
            scanner.rewind()
