"""How the two ends of a session's connection talk: JSON bodies, each after its length in four bytes."""

from __future__ import annotations

import struct

_LENGTH = struct.Struct(">I")


class FrameTooLong(Exception):
    """The other end announces a body beyond what it may send."""


def frame(body: bytes) -> bytes:
    """A body as it goes over the connection."""
    return _LENGTH.pack(len(body)) + body


class FrameBuffer:
    """Puts the bodies together from the bytes as they come.

    Example: fed `frame(b"{}")[:5]` it gives nothing, and `{}` once the last byte is there.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = bytearray()

    @property
    def empty(self) -> bool:
        """Whether nothing has come that has not been taken."""
        return not self._bytes

    def feed(self, data: bytes) -> None:
        """Adds bytes as they came."""
        self._bytes += data

    def take(self) -> bytes | None:
        """The next whole body, or None while there is none. Errors: FrameTooLong."""
        if len(self._bytes) < _LENGTH.size:
            return None
        (length,) = _LENGTH.unpack_from(self._bytes)
        if length > self._most:
            raise FrameTooLong(f"a body of {length} bytes was announced; at most {self._most} are taken")
        end = _LENGTH.size + length
        if len(self._bytes) < end:
            return None
        body = bytes(self._bytes[_LENGTH.size : end])
        del self._bytes[:end]
        return body
