"""The text of tokens as a client sees it; what is shown and where stop strings are looked for must be the same."""

from __future__ import annotations

from collections.abc import Sequence

from ..core.chat_format import ChatFormat
from ..core.events import Channel


class ShownText:
    """Decodes one channel after another: markers are no text, nor are line breaks behind them, a call or a result."""

    def __init__(self, format: ChatFormat, *, in_thinking: bool = False) -> None:
        self._format = format
        self.channel = Channel.ANSWER
        self.thinking = in_thinking
        """Whether it is thinking that is written, or a call inside of thinking."""
        self.strips = in_thinking
        """Whether line breaks that come now are left out."""
        self._stream = format.text_stream()

    def marker(self, channel: Channel, ids: Sequence[int]) -> None:
        """Markers of this channel."""
        if channel in (Channel.THINK, Channel.ANSWER):
            self.thinking = channel is Channel.THINK and ids[-1] != self._format.think_end_id
        self.channel, self.strips = channel, channel is Channel.THINK
        self._stream = self._format.text_stream()

    def enter(self, channel: Channel) -> None:
        """Text of this channel follows, perhaps without a marker before it."""
        if channel is not self.channel:
            self.strips = self.strips or self.channel in (Channel.CALL, Channel.RESULT)
            self.channel, self._stream = channel, self._format.text_stream()
            if channel in (Channel.THINK, Channel.ANSWER):
                self.thinking = channel is Channel.THINK

    def feed(self, ids: Sequence[int]) -> str:
        """The text that these ids complete."""
        text = self._stream.feed(ids)
        if self.strips:
            text = text.lstrip("\n")
            self.strips = not text
        return text
