"""The engine protocol: token ids in, deltas of token ids out, as an async stream that can be aborted.

Legend: ids are token ids; a position counts kept tokens after the prompt.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, Literal, Protocol

import msgspec

Finish = Literal["stop", "length", "abort"]
GRAMMAR = "grammar"
"""The `param` of a RequestError by which an engine refuses a grammar."""


class Grammar(msgspec.Struct, frozen=True):
    """What the sampled text must match: exactly one of a JSON schema, any JSON object, or a regular expression."""

    json_schema: dict[str, Any] | None = None
    json_object: bool = False
    regex: str | None = None


class Sampling(msgspec.Struct, frozen=True, kw_only=True):
    """How one engine call samples. None leaves the engine's own default."""

    max_tokens: int
    min_tokens: int = 0
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    min_p: float | None = None
    presence_penalty: float = 0.0
    frequency_penalty: float = 0.0
    repetition_penalty: float = 1.0
    logit_bias: Mapping[int, float] | None = None
    seed: int | None = None
    logprobs: int | None = None
    """0: of the sampled token only; n: the n likeliest too."""
    logprob_ids: tuple[int, ...] = ()
    """Report the log-probability of these ids at every token."""
    stop_ids: tuple[int, ...] = ()
    ignore_eos: bool = False
    grammar: Grammar | None = None


class ThinkingBudget(msgspec.Struct, frozen=True):
    """A thinking budget enforced by the engine itself: `tokens` sampled, then `close_ids` forced."""

    tokens: int
    close_ids: tuple[int, ...]


class EngineRequest(msgspec.Struct, frozen=True, kw_only=True):
    """One engine call: continue `ids`. `priority` below 0 is served before 0."""

    request_id: str
    ids: list[int]
    sampling: Sampling
    adapter: str | None = None
    """Name of the LoRA adapter; None is the base model."""
    priority: int = 0
    thinking_budget: ThinkingBudget | None = None
    whole: bool = False
    """Nobody looks at the tokens before the call has ended: one delta at the end is enough."""
    affinity: str | None = None
    """Calls with one affinity share a prefix; a router over several servers keeps them together."""


class TokenLogprob(msgspec.Struct, frozen=True):
    """Log-probability of one sampled token, and of others at its place as (id, logprob), likeliest first."""

    logprob: float
    top: tuple[tuple[int, float], ...] = ()


class Delta(msgspec.Struct):
    """What arrived since the last delta. `finish` is set on the last one of a call."""

    ids: list[int]
    logprobs: list[TokenLogprob] | None = None
    finish: Finish | None = None
    stop_id: int | None = None
    """The token that ended the call, when one of `stop_ids` did."""
    cached_tokens: int | None = None
    weight_version: str | None = None


class Abilities(msgspec.Struct, frozen=True, kw_only=True):
    """What an engine can do; the loop and the request checks ask here, never for the engine's kind."""

    context_length: int
    exact_ids: bool = True
    """Ids go in and come out unchanged. False: text is exchanged and tokenised again (`losses` says so)."""
    max_logprobs: int = 20
    logprob_ids: bool = True
    grammar: bool = True
    priority: bool = True
    logit_bias: bool = True
    adapters: tuple[str, ...] = ()
    thinking_close_ids: tuple[int, ...] | None = None
    """The engine's own thinking budget forces exactly these ids; None: it has none."""
    losses: tuple[str, ...] = ()
    """What a client loses by this engine, in words; reported with every response."""


class Engine(Protocol):
    """Serves calls. `generate` ends early, and frees what it held, when its generator is closed.

    Errors: EngineDead when the engine is gone, EngineError when one call failed, RequestError when the engine refuses
    the request's parameters.
    """

    @property
    def abilities(self) -> Abilities: ...

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def running(self) -> int:
        """Calls that the engine itself still holds, by its own count."""
        ...

    @property
    def alive(self) -> bool: ...

    def generate(self, request: EngineRequest) -> AsyncGenerator[Delta]: ...
