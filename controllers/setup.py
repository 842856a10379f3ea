"""Everything one trajectory is decoded with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from ..core.chat_format import ChatFormat, ForcedCall, Thinking
from ..core.engine import Engine, Grammar, Sampling
from ..core.ledger import Ledger
from ..core.model import Model
from .limits import Limits
from .named import Named
from .server_tools import ServerTools


class Setup(msgspec.Struct, frozen=True, kw_only=True):
    """Everything one trajectory is decoded with."""

    engine: Engine
    format: ChatFormat
    controllers: Sequence[Named]
    messages: Sequence[Mapping[str, Any]]
    prompt_ids: Sequence[int]
    sampling: Sampling
    """max_tokens, min_tokens and seed in it are ignored: see `limits` and `seed`."""
    stops: Sequence[str] = ()
    limits: Limits
    ledger: Ledger
    seed: int | None = None
    request_id: str
    adapter: str | None = None
    grammar: Grammar | None = None
    """What the answer must match; attached to the call that begins the answer."""
    forced_call: ForcedCall | None = None
    may_think: bool = True
    """Whether the model can still open thinking after the prompt."""
    thinking: Thinking = Thinking.DEFAULT
    """What the prompt asked of the model; asked again after results of tools."""
    template_args: Mapping[str, Any] = {}
    tools: Sequence[Mapping[str, Any]] = ()
    """What the model was told of at the start."""
    with_tools: bool = False
    models: Mapping[str, Model] = {}
    """Auxiliary models by name."""
    server_tools: ServerTools | None = None
    """What the server runs itself; None: all calls are the client's."""
    session: str = ""
    """The key under which tools keep what they keep for this trajectory."""
    max_calls: int | None = None
    max_edits: int = 64
    streamed: bool = True
    """Whether somebody looks at tokens before the end."""
