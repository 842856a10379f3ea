"""Finds out what a server understands: its models, and whether it takes and returns token ids."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing
from typing import Any

import msgspec

from ....core.errors import ConfigError, RequestError, UpstreamError
from .chunks import Choice, Chunk, decode_chunk
from .dialect import Dialect, GrammarField
from .errors import broke_off, streamed_error
from .http import HttpServer
from .logprobs import ids_named, names_ids
from .sse import DONE

COMPLETIONS = "/v1/completions"
PROBE_ID = "flyball-probe"
"""Request id of probes, so that a server's log can tell them from calls."""
_TEXT = "Hello"
_GRAMMAR = "7291"
"""A regular expression that matches only itself: no model answers this by chance."""


class ModelCard(msgspec.Struct):
    id: str
    parent: str | None = None
    max_model_len: int | None = None


class ModelList(msgspec.Struct):
    data: list[ModelCard] = []


class Served(msgspec.Struct, frozen=True):
    """What a server says that it serves. `context_length` None: it does not say."""

    model: str
    context_length: int | None
    adapters: tuple[str, ...]


async def served(server: HttpServer, wanted: str | None) -> Served:
    """Reads `/v1/models`. Errors: ConfigError when the server does not serve the wanted model."""
    try:
        cards = msgspec.json.decode(await server.get("/v1/models"), type=ModelList).data
    except msgspec.DecodeError:
        raise broke_off("answered /v1/models with something that is no list of models.") from None
    bases = [card for card in cards if card.parent is None]
    card = next((card for card in bases if wanted in (None, card.id)), None)
    if card is None:
        raise ConfigError(f"model: the remote engine does not serve {wanted!r}; it serves {[c.id for c in bases]}.")
    return Served(card.id, card.max_model_len, tuple(card.id for card in cards if card.parent is not None))


async def dialect(server: HttpServer, model: str, encode: Callable[[str], list[int]]) -> Dialect:
    """Asks for single tokens, the most telling request first. Errors: UpstreamError, UpstreamUnreachable."""
    ids = encode(_TEXT)
    base = {"model": model, "max_tokens": 1, "temperature": 0}
    with_ids = base | {"prompt": ids, "return_token_ids": True, "logprobs": 0, "return_tokens_as_token_ids": True}
    choosing = with_ids | {"logprob_token_ids": ids[:1]}
    for body in (choosing, with_ids, base | {"prompt": ids, "return_token_ids": True}, base | {"prompt": _TEXT}):
        answer = await _ask(server, body)
        if answer is not None:
            choice, prompt_tokens = answer
            found = _understood(choice, prompt_tokens, body, ids)
            return msgspec.structs.replace(found, grammar=await _grammar(server, base | {"prompt": body["prompt"]}))
    raise UpstreamError("The remote engine refuses every form of /v1/completions that was tried.", 400)


def _understood(choice: Choice, prompt_tokens: int | None, body: dict[str, Any], ids: list[int]) -> Dialect:
    counted = prompt_tokens is None or prompt_tokens == len(ids)
    return Dialect(
        ids_in=body["prompt"] is not _TEXT and counted,
        ids_out=bool(choice.token_ids),
        top_ids=names_ids(choice.logprobs),
        logprob_ids="logprob_token_ids" in body and ids[0] in ids_named(choice.logprobs),
    )


async def _grammar(server: HttpServer, base: dict[str, Any]) -> GrammarField | None:
    fields: dict[GrammarField, dict[str, Any]] = {
        GrammarField.STRUCTURED_OUTPUTS: {"structured_outputs": {"regex": _GRAMMAR}},
        GrammarField.FLAT: {"regex": _GRAMMAR},
    }
    for field, grammar in fields.items():
        answer = await _ask(server, base | {"max_tokens": 2 * len(_GRAMMAR)} | grammar)
        if answer is not None and answer[0].text.strip() == _GRAMMAR:
            return field
    return None


async def _ask(server: HttpServer, body: dict[str, Any]) -> tuple[Choice, int | None] | None:
    """The whole answer as one choice, and the prompt tokens it counted; None when the server refuses the request."""
    request = msgspec.json.encode(body | {"stream": True, "stream_options": {"include_usage": True}})
    whole, prompt_tokens = Choice(), None
    try:
        async with aclosing(server.events(COMPLETIONS, request, PROBE_ID)) as reads:
            async for events in reads:
                for chunk in _chunks(events):
                    if chunk.usage is not None:
                        prompt_tokens = chunk.usage.prompt_tokens
                    for choice in chunk.choices:
                        _add(whole, choice)
    except RequestError:
        return None
    return whole, prompt_tokens


def _chunks(events: list[bytes]) -> list[Chunk]:
    try:
        chunks = [decode_chunk(event) for event in events if event != DONE]
    except msgspec.DecodeError:
        raise broke_off("answered a probe with something that is no completion.") from None
    for chunk in chunks:
        if chunk.error is not None:
            raise streamed_error(chunk.error, began=False)
    return chunks


def _add(whole: Choice, choice: Choice) -> None:
    whole.text += choice.text
    whole.token_ids = (whole.token_ids or []) + (choice.token_ids or [])
    whole.logprobs = whole.logprobs or choice.logprobs
