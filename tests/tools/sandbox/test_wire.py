"""The host's reading of a session's bytes, and the cutting of long text."""

from __future__ import annotations

import pytest

from flyball.tools.sandbox.messages import Breach, Ready, decode
from flyball.tools.sandbox.text import cut_middle, join_cut
from flyball.tools.sandbox.wire import FrameBuffer, FrameTooLong, frame


@pytest.mark.parametrize("step", [1, 2, 7, 100])
def test_bodies_come_out_whole_however_they_were_split(step: int) -> None:
    bodies = [b"", b"a", b"bc" * 20]
    sent = b"".join(map(frame, bodies))
    buffer = FrameBuffer(most=40)
    taken = []
    for at in range(0, len(sent), step):
        buffer.feed(sent[at : at + step])
        while (body := buffer.take()) is not None:
            taken.append(body)

    assert taken == bodies
    assert buffer.empty


def test_a_body_that_is_announced_too_long_is_refused_before_it_comes() -> None:
    buffer = FrameBuffer(most=40)
    buffer.feed(frame(b"x" * 41)[:4])
    with pytest.raises(FrameTooLong, match="41 bytes was announced; at most 40"):
        buffer.take()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        b'{"type": "other"}',
        b'{"type": "output", "id": 1, "nonce": "n", "stream": "stdin", "text": ""}',
        b'{"type": "output", "id": 1.5, "nonce": "n", "stream": "stdout", "text": ""}',
        b'{"type": "output", "id": 1, "nonce": "n", "stream": "stdout", "text": "\\ud800"}',
        b'{"type": "output", "id": 1, "nonce": "n", "stream": "stdout", "text": "\xff"}',
        b'{"type": "ready", "more": 1}',
    ],
)
def test_what_an_honest_session_cannot_say_is_a_breach(body: bytes) -> None:
    with pytest.raises(Breach, match="cannot be read"):
        decode(body)


def test_what_an_honest_session_says_is_understood() -> None:
    assert decode(b'{"type": "ready"}') == Ready()


def test_the_middle_is_cut_out_and_said_so() -> None:
    assert cut_middle("a" * 50 + "b" * 50, 10) == "aaaaa\n[... 90 characters cut ...]\nbbbbb"
    assert cut_middle("a" * 10, 10) == "a" * 10
    assert join_cut("a", 0, "b") == "ab"
