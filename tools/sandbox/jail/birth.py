"""How a session comes to be: what happens between the zygote's fork and the first cell."""

from __future__ import annotations

import json
import os
import select
import socket
from typing import NoReturn

from ..wire import frame
from . import privileges
from .channel import Channel
from .repl import Repl
from .wall import Wall


def live(wall: Wall, repl: Repl, slot: int, session: socket.socket, zygote: int) -> NoReturn:
    """A session's whole life, in a fresh fork of the zygote, of which `zygote` is a process descriptor."""
    status = 1
    try:
        os.setsid()
        wall.put_on(slot)
        _end_with(zygote)
        wall.close_up()
        session.sendall(frame(b'{"type": "ready"}'))
        repl.serve(Channel(session))
        status = 0
    except OSError as error:
        session.sendall(frame(json.dumps({"type": "failed", "error": str(error)}).encode()))
    finally:
        os._exit(status)


def _end_with(zygote: int) -> None:
    """Has this process end when the zygote does, which may have been just now."""
    privileges.die_with_parent()
    ended, _, _ = select.select([zygote], [], [], 0)
    os.close(zygote)
    if ended:
        os._exit(1)
