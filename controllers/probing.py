"""Probes: what the served model would go on with, if some text were appended now; none of it is kept.

Legend: ids are token ids.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing

import msgspec

from ..core.chat_format import ChatFormat
from ..core.engine import Engine, EngineRequest, Sampling, TokenLogprob
from .bill import Bill


class ProbeReply(msgspec.Struct, frozen=True):
    """What a probe was answered with."""

    text: str
    """Without the end-of-turn token."""
    ids: tuple[int, ...]
    logprobs: tuple[TokenLogprob, ...]
    """One per id; empty where the engine gives none."""
    ended: bool
    """Whether the model ended its turn."""


class Probe(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the model: `ids` are the whole context, what was appended for the probe included."""

    request_id: str
    ids: list[int]
    sampling: Sampling
    adapter: str | None = None
    until: Callable[[str], bool] | None = None
    """The probe ends once this holds of its text."""


async def run_probe(probe: Probe, engine: Engine, format: ChatFormat, bill: Bill) -> ProbeReply:
    """The reply; its tokens are charged as they come. Errors: those of the engine."""
    request = EngineRequest(
        request_id=probe.request_id, ids=probe.ids, sampling=probe.sampling, adapter=probe.adapter, priority=-1
    )
    bill.prompt(len(probe.ids))
    ids: list[int] = []
    logprobs: list[TokenLogprob] = []
    async with aclosing(engine.generate(request)) as deltas:
        async for delta in deltas:
            if delta.cached_tokens:
                bill.cached(delta.cached_tokens)
            bill.sampled(len(delta.ids))
            ids += delta.ids
            logprobs += delta.logprobs or ()
            if probe.until is not None and probe.until(_text(ids, format)):
                break
    ended = bool(ids) and ids[-1] in format.eos_ids
    return ProbeReply(_text(ids, format), tuple(ids), tuple(logprobs), ended)


def _text(ids: Sequence[int], format: ChatFormat) -> str:
    ended = bool(ids) and ids[-1] in format.eos_ids
    return format.decode(ids[:-1] if ended else ids)
