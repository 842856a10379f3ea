"""The session's end of its connection to the host."""

from __future__ import annotations

import json
import signal
import socket
import threading
from types import FrameType
from typing import Any

from ..wire import FrameBuffer, frame

_LONGEST_REQUEST = 64 << 20


class Channel:
    """Sends and receives whole messages, and keeps an interrupt from tearing one apart."""

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._incoming = FrameBuffer(_LONGEST_REQUEST)
        self._lock = threading.Lock()
        self._main = threading.get_ident()  # the thread in which Python runs signal handlers
        self._sender = 0
        self._interrupted = False
        self._interruptible = False

    def receive(self) -> dict[str, Any] | None:
        """The next message, or None when the host has gone."""
        while (body := self._incoming.take()) is None:
            data = self._connection.recv(1 << 16)
            if not data:
                return None
            self._incoming.feed(data)
        message: dict[str, Any] = json.loads(body)
        return message

    def send(self, message: dict[str, Any]) -> None:
        """Sends a message whole; an interrupt that comes meanwhile is raised afterwards."""
        data = frame(json.dumps(message).encode())
        with self._lock:
            self._sender = threading.get_ident()
            try:
                self._connection.sendall(data)
            finally:
                self._sender = 0
        if self._interrupted and threading.get_ident() == self._main:
            self._interrupted = False
            raise KeyboardInterrupt

    def interruptible(self, on: bool) -> None:
        """Whether the host's interrupt stops what is running; off while the session itself is at work.

        Turning it on takes the signal back from code that handled or ignored it.
        """
        self._interrupted = False
        if on:
            signal.signal(signal.SIGINT, self._interrupt)
        self._interruptible = on

    def _interrupt(self, number: int, at: FrameType | None) -> None:
        if self._interruptible and self._sender == self._main:
            self._interrupted = True
        elif self._interruptible:
            raise KeyboardInterrupt
