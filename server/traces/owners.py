"""Whose an episode is, without keeping the key that says so."""

from __future__ import annotations

import hashlib


class Owners:
    """Turns API keys into what is stored in their place: a hash with the store's own salt, the same on every replica.

    Guessing a key from it costs some milliseconds and megabytes a guess.
    """

    def __init__(self, salt: bytes) -> None:
        self._salt = salt
        self._known: dict[str, str] = {}

    def of(self, api_key: str | None) -> str | None:
        """The owner that a key stands for; None for a client without one. Slow the first time, for each key."""
        if api_key is None:
            return None
        if api_key not in self._known:
            digest = hashlib.scrypt(api_key.encode(), salt=self._salt, n=2**13, r=8, p=1, dklen=16)
            self._known[api_key] = digest.hex()
        return self._known[api_key]
