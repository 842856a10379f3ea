"""Log-probabilities of the completions API as the engine protocol's."""

from __future__ import annotations

from ....core.engine import Sampling, TokenLogprob
from .chunks import Logprobs
from .errors import broke_off

_PREFIX = "token_id:"


def token_logprobs(reported: Logprobs | None, count: int, sampling: Sampling) -> list[TokenLogprob]:
    """One for each of a chunk's `count` tokens. Errors: UpstreamError when one is missing."""
    values = reported.token_logprobs if reported is not None else []
    if len(values) != count or any(value is None for value in values):
        raise broke_off("left out log-probabilities that it was asked for.")
    tops = reported.top_logprobs if reported is not None else None
    if tops is None or not (sampling.logprobs or sampling.logprob_ids):
        return [TokenLogprob(value) for value in values if value is not None]
    return [
        TokenLogprob(value, _top(top or {}, sampling))
        for value, top in zip(values, tops, strict=True)
        if value is not None
    ]


def _top(named: dict[str, float], sampling: Sampling) -> tuple[tuple[int, float], ...]:
    # Servers add the sampled token to the ones asked for.
    pairs = [(int(name.removeprefix(_PREFIX)), logprob) for name, logprob in named.items()]
    if sampling.logprob_ids:
        wanted = frozenset(sampling.logprob_ids)
        pairs = [pair for pair in pairs if pair[0] in wanted]
    pairs.sort(key=lambda pair: -pair[1])
    return tuple(pairs if sampling.logprob_ids else pairs[: sampling.logprobs])


def names_ids(reported: Logprobs | None) -> bool:
    """Whether the server named tokens by id."""
    return reported is not None and bool(reported.tokens) and reported.tokens[0].startswith(_PREFIX)


def ids_named(reported: Logprobs | None) -> set[int]:
    """Every id with a log-probability at the first token."""
    if not names_ids(reported) or reported is None or not reported.top_logprobs:
        return set()
    return {int(name.removeprefix(_PREFIX)) for name in reported.top_logprobs[0] or ()}
