"""A thinking budget that the engine enforces by itself: the same tokens, without ending the call to write the marker."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ..core.chat_format import ChatFormat
from ..core.engine import Abilities, ThinkingBudget
from ..core.events import Channel
from .boundary import AnyWatch, Boundary, TokenWatch


def thinking_opener(format: ChatFormat) -> int | None:
    """The token that opens thinking and nothing else, so that it can be forbidden; gpt-oss has none of its own.

    Without one the bare end marker would not keep a model from thinking on.
    """
    if not format.think_open_ids:
        return None
    tracker = format.tracker(())
    tracker.see(format.think_open_ids[0])
    return format.think_open_ids[0] if tracker.channel is Channel.THINK and not tracker.busy else None


class NativeBudget:
    """Hands a budget to the engine where that means the same, and recognises the marker that the engine writes.

    It means the same when thinking is closed by the bare end marker, one controller asks for it, and the call is the
    trajectory's first, with nothing injected: engines count what stands in the prompt's open thinking block, and begin
    anew with a second block.
    """

    def __init__(
        self, watches: Iterable[AnyWatch], format: ChatFormat, abilities: Abilities, prompt_ids: Sequence[int]
    ) -> None:
        closing = [watch for watch in watches if isinstance(watch, TokenWatch) and watch.closes and watch.n > 0]
        self._close = format.think_end_id
        bare = thinking_opener(format) is not None and abilities.thinking_close_ids == (self._close,)
        same = bare and len(closing) == 1
        self.watch = closing[0] if same else None
        self._already = _open_tokens(format, prompt_ids) if same else 0
        self._active = False
        self._boundary: Boundary | None = None

    def budget(self, first_call: bool) -> ThinkingBudget | None:
        """What the next call is told; also whether `reached` means anything during it."""
        self._active = first_call and self.watch is not None
        if not self._active or self.watch is None or self._close is None:
            return None
        return ThinkingBudget(self.watch.n + self._already, (self._close,))

    def reached(self, boundary: Boundary) -> bool:
        """The budget is spent, and the engine writes the marker next: nobody needs to be asked yet."""
        if not self._active or boundary.watch is None or boundary.watch != self.watch:
            return False
        self._boundary = boundary
        return True

    @property
    def waits(self) -> bool:
        """Whether the next token decides if the engine has closed the thinking."""
        return self._boundary is not None

    def is_close(self, token: int) -> bool:
        return token == self._close

    def forget_after(self, position: int) -> None:
        """Everything from this position on was dropped: the budget is not spent any more."""
        if self._boundary is not None and self._boundary.position > position:
            self.take()

    def take(self) -> Boundary | None:
        """The boundary that waits, once; from then on the budget is the loop's again."""
        boundary, self._boundary = self._boundary, None
        if boundary is not None:
            self._active = False
        return boundary


def _open_tokens(format: ChatFormat, prompt_ids: Sequence[int]) -> int:
    """Tokens behind the prompt's open thinking marker: an engine counts them."""
    opener = format.think_open_ids[0]
    for behind, token in enumerate(reversed(prompt_ids)):
        if token == format.think_end_id:
            return 0
        if token == opener:
            return behind
    return 0
