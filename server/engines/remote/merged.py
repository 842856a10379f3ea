"""The abilities of several servers as those of one engine: what all of them can do."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from ....core.engine import Abilities
from ....core.errors import ConfigError
from .config import RemoteConfig
from .dialect import Dialect
from .probe import Served


def merged_abilities(servers: Sequence[tuple[Served, Dialect]], config: RemoteConfig) -> Abilities:
    """Errors: ConfigError when nobody says how long the context is."""
    dialects = [dialect for _, dialect in servers]
    names_tokens = all(dialect.ids_out and dialect.top_ids for dialect in dialects)
    return Abilities(
        context_length=_context_length([server for server, _ in servers], config),
        exact_ids=all(dialect.ids_in and dialect.ids_out for dialect in dialects),
        max_logprobs=config.max_logprobs if names_tokens else 0,
        logprob_ids=names_tokens and all(dialect.logprob_ids for dialect in dialects),
        grammar=all(dialect.grammar is not None for dialect in dialects),
        priority=config.priority,
        adapters=_common(server.adapters for server, _ in servers),
        losses=tuple(dict.fromkeys(loss for dialect in dialects for loss in dialect.losses)),
    )


def _context_length(servers: Sequence[Served], config: RemoteConfig) -> int:
    if config.context_length is not None:
        return config.context_length
    reported = [server.context_length for server in servers if server.context_length is not None]
    if not reported:
        raise ConfigError("context_length: the remote engine does not report its context length; set it here.")
    return min(reported)


def _common(adapters: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    first, *others = adapters
    return tuple(name for name in first if all(name in other for other in others))
