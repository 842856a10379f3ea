"""An engine call as the body of a `/v1/completions` request."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from ....core.engine import EngineRequest, Grammar, Sampling
from ....core.errors import RequestError
from .dialect import Dialect, GrammarField

Decode = Callable[[Sequence[int]], str]
_UNSET = {"presence_penalty": 0.0, "frequency_penalty": 0.0, "repetition_penalty": 1.0, "min_tokens": 0}


def completion_body(request: EngineRequest, dialect: Dialect, model: str, decode: Decode, priority: bool) -> bytes:
    """The JSON of one streamed completion.

    Errors: RequestError for what this server cannot do; nothing is dropped in silence.
    """
    if request.thinking_budget is not None:
        raise ValueError("a remote engine has no thinking budget of its own: see Abilities.thinking_close_ids")
    body: dict[str, Any] = {
        "model": request.adapter or model,
        "stream": True,
        "stream_options": {"include_usage": True},
        **_prompt(request.ids, dialect, decode),
        **_sampling(request.sampling),
        **_logprobs(request.sampling, dialect),
    }
    if request.sampling.grammar is not None:
        body |= grammar_fields(request.sampling.grammar, dialect)
    if priority and request.priority:
        body["priority"] = request.priority
    return msgspec.json.encode(body)


def _prompt(ids: list[int], dialect: Dialect, decode: Decode) -> dict[str, Any]:
    fields: dict[str, Any] = {"prompt": ids}
    if not dialect.ids_in:
        # The text already begins with whatever the template put there: the server must not add it again.
        fields = {"prompt": decode(ids), "add_special_tokens": False}
    if dialect.ids_out:
        fields["return_token_ids"] = True
    else:
        fields["skip_special_tokens"] = False
    return fields


def _sampling(sampling: Sampling) -> dict[str, Any]:
    fields: dict[str, Any] = {"max_tokens": sampling.max_tokens}
    for name in ("temperature", "top_p", "top_k", "min_p", "seed"):
        value = getattr(sampling, name)
        if value is not None:
            fields[name] = value
    for name, unset in _UNSET.items():
        value = getattr(sampling, name)
        if value != unset:
            fields[name] = value
    if sampling.logit_bias:
        fields["logit_bias"] = {str(token): bias for token, bias in sampling.logit_bias.items()}
    if sampling.stop_ids:
        fields["stop_token_ids"] = sampling.stop_ids
    if sampling.ignore_eos:
        fields["ignore_eos"] = True
    return fields


def _logprobs(sampling: Sampling, dialect: Dialect) -> dict[str, Any]:
    if sampling.logprobs is None and not sampling.logprob_ids:
        return {}
    _refuse_logprobs(sampling, dialect)
    fields: dict[str, Any] = {"logprobs": sampling.logprobs or 0}
    if dialect.top_ids:
        fields["return_tokens_as_token_ids"] = True
    if sampling.logprob_ids:
        fields["logprob_token_ids"] = sampling.logprob_ids
    return fields


def _refuse_logprobs(sampling: Sampling, dialect: Dialect) -> None:
    if not dialect.ids_out:
        raise RequestError("The remote engine returns text, not tokens: there are no log-probabilities.", "logprobs")
    if sampling.logprobs and not dialect.top_ids:
        raise RequestError("The remote engine reports the log-probability of the sampled token only.", "logprobs")
    if sampling.logprob_ids and not dialect.logprob_ids:
        raise RequestError("The remote engine cannot report log-probabilities of chosen tokens.", "logprobs")
    if sampling.logprobs and sampling.logprob_ids:
        raise RequestError(
            "The remote engine cannot report the likeliest and chosen tokens in one call; one of the two must go.",
            "logprobs",
        )


def grammar_fields(grammar: Grammar, dialect: Dialect) -> dict[str, Any]:
    """The part of the body that binds the text to a grammar."""
    if dialect.grammar is None:
        raise RequestError("The remote engine cannot bind its answer to a grammar.", "response_format")
    if dialect.grammar is GrammarField.STRUCTURED_OUTPUTS:
        return {"structured_outputs": _structured_outputs(grammar)}
    if grammar.regex is not None:
        return {"regex": grammar.regex}
    schema = grammar.json_schema if grammar.json_schema is not None else {"type": "object"}
    return {"json_schema": msgspec.json.encode(schema).decode()}


def _structured_outputs(grammar: Grammar) -> dict[str, Any]:
    if grammar.regex is not None:
        return {"regex": grammar.regex}
    if grammar.json_schema is not None:
        return {"json": grammar.json_schema}
    return {"json_object": True}
