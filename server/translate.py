"""From a request on the wire to an episode: rule 7's table as code, and everything that can be refused beforehand."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from random import Random
from typing import Any

import msgspec

from ..controllers.controller import Setting
from ..controllers.episode import EpisodeSpec
from ..controllers.registry import build_controllers, build_strategy
from ..controllers.server_tools import ServerTools
from ..controllers.strategy import Strategy
from ..core.chat_format import ChatFormat, Thinking
from ..core.engine import Abilities, Grammar, Sampling
from ..core.errors import RequestError
from ..core.ledger import Ledger
from ..tools.tool import Tool
from .choices import Asked
from .effort import WITHOUT_THINKING, controllers_of
from .schemas import check_call_schemas, check_format_schema
from .tool_budget import check_tool_budget
from .toolbox import Toolbox, rendered
from .wire.flyball_block import FlyballBlock
from .wire.messages import JsonObjectFormat, JsonSchemaFormat, Message, NamedToolChoice
from .wire.requests import ChatCompletionRequest, SamplingFields


class Target(msgspec.Struct, frozen=True):
    """What the request's `model` means."""

    model: str
    adapter: str | None = None
    preset: str | None = None
    block: FlyballBlock = FlyballBlock()
    effort: Mapping[str, FlyballBlock] = {}
    """What a `reasoning_effort` stands for, where the operator says so."""

    def governing(self, request: ChatCompletionRequest) -> FlyballBlock:
        """The block that governs a request: its own, over that of the preset it names, over that of its effort."""
        effort = self.effort.get(request.reasoning_effort or "", FlyballBlock())
        return request.flyball.over(self.block.over(effort))


def chat_spec(
    request: ChatCompletionRequest,
    target: Target,
    format: ChatFormat,
    abilities: Abilities,
    id: str,
    toolbox: Toolbox,
    api_key: str | None = None,
    brought: Sequence[Tool] = (),
    models: Collection[str] = (),
) -> EpisodeSpec:
    """The episode that a chat request of the client with this key, who brought tools along, asks for.

    Errors: RequestError naming the parameter."""
    block, effort_configured = target.governing(request), request.reasoning_effort in target.effort
    refuse_unserved(request)
    _check_together(request, block)
    check_format_schema(request)
    tools, force = _tools(request)
    names, fenced = tuple(dict.fromkeys(block.tools)), block.fenced
    calls_none = request.tool_choice == "none"
    if calls_none:
        names, brought, fenced = (), (), False
    session = toolbox.session_key(api_key, block.session)
    asked = Asked(_question(request.messages), Ledger(block.budget.limits()), Random(request.seed), session)
    server = toolbox.for_request(names, [tool["function"]["name"] for tool in tools], fenced, format, asked, brought)
    if "budget" in request.flyball.model_fields_set and not calls_none:
        check_tool_budget(block.budget.tool_calls, () if server is None else server.tools)
    offered = (*tools, *rendered(server))
    setting = _setting(format, abilities, offered, server, models, block.budget.limits())
    asked_for = controllers_of(request, block, effort_configured, format, abilities)
    controllers = build_controllers(asked_for, setting)
    _check_honoured(request, abilities, bool(controllers) or server is not None)
    return EpisodeSpec(
        id=id,
        messages=tuple(map(_message, request.messages)),
        tools=offered,
        template_args=_template_args(request),
        thinking=_thinking(request, effort_configured),
        sampling=sampling_of(request, 0 if request.logprobs else None, request.top_logprobs),
        stops=request.stops,
        max_tokens=request.max_completion_tokens or request.max_tokens,
        min_tokens=request.min_tokens,
        seed=request.seed,
        n=request.n,
        grammar=_grammar(request),
        force_call=tools if force else (),
        max_calls=None if request.parallel_tool_calls else 1,
        controllers=tuple(controllers),
        strategy=_strategy(request, block, setting),
        strategy_name="strategy" if block.strategy is None else block.strategy.name,
        budget=block.budget.limits(),
        adapter=target.adapter,
        logprobs=request.logprobs,
        parts=block.parts,
        server_tools=server,
        session=session,
        events=block.events,
    )


def sampling_of(request: SamplingFields, logprobs: int | None, top_logprobs: int | None) -> Sampling:
    """The sampling parameters that every engine call of the request shares."""
    bias = request.logit_bias
    return Sampling(
        max_tokens=1,
        temperature=request.temperature,
        top_p=request.top_p,
        top_k=request.top_k,
        min_p=request.min_p,
        presence_penalty=request.presence_penalty,
        frequency_penalty=request.frequency_penalty,
        repetition_penalty=request.repetition_penalty,
        logit_bias=None if bias is None else _bias(bias),
        logprobs=top_logprobs or logprobs,
        ignore_eos=request.ignore_eos,
    )


def _bias(given: Mapping[str, float]) -> dict[int, float]:
    if not all(token.isdecimal() and len(token) < 10 for token in given):
        raise RequestError("logit_bias: the keys are token ids", "logit_bias")
    return {int(token): value for token, value in given.items()}


_UNSERVED = (
    *("functions", "function_call", "audio", "web_search_options"),
    *("echo", "continue_final_message", "use_beam_search", "prompt_logprobs"),
    *("structured_outputs", "guided_json", "guided_regex", "guided_choice", "guided_grammar"),
    *("bad_words", "allowed_token_ids", "stop_token_ids"),
)


def refuse_unserved(request: SamplingFields) -> None:
    """Refuse fields of OpenAI's or vLLM's that would change the answer, and that are not served here."""
    extra = request.model_extra or {}
    for name in _UNSERVED:
        if extra.get(name):
            raise RequestError(f"{name} is not served", name)
    if extra.get("modalities", ["text"]) != ["text"]:
        raise RequestError("text is the only modality that is served", "modalities")


def _message(given: Message) -> dict[str, Any]:
    """A message as chat formats read it: an earlier refusal is what the assistant said."""
    message = given.model_dump(exclude_none=True)
    refusal = message.pop("refusal", None)
    if refusal and not message.get("content"):
        message["content"] = refusal
    if isinstance(message.get("content"), list):
        message["content"] = [
            {"type": "text", "text": part.get("text", part.get("refusal"))} for part in message["content"]
        ]
    return message


def _question(messages: Sequence[Message]) -> str:
    """What the user asked last, for finding tools."""
    said = next((_message(message).get("content") for message in reversed(messages) if message.role == "user"), "")
    return said if isinstance(said, str) else " ".join(part["text"] for part in said or () if part["text"])


def _check_together(request: ChatCompletionRequest, block: FlyballBlock) -> None:
    """Parameters that contradict each other."""
    max_tokens = request.max_completion_tokens or request.max_tokens
    if request.stream_options is not None and not request.stream:
        raise RequestError("stream_options needs stream", "stream_options")
    if request.top_logprobs is not None and not request.logprobs:
        raise RequestError("top_logprobs needs logprobs", "top_logprobs")
    if max_tokens is not None and request.min_tokens > max_tokens:
        raise RequestError(f"min_tokens {request.min_tokens} is more than max_tokens {max_tokens}", "min_tokens")
    if block.strategy is not None and request.n > 1:
        raise RequestError("a strategy answers with one choice: n must be 1", "n")
    if block.session is not None and (request.n > 1 or block.strategy is not None):
        raise RequestError(
            "a session is the state of one trajectory: n must be 1, without a strategy", "flyball.session"
        )
    named = [spec.name for spec in block.controllers]
    if request.thinking_token_budget is not None:
        named.append("thinking_budget")
    for name in named:
        if named.count(name) > 1:
            raise RequestError(f"the controller {name!r} is named twice", "flyball.controllers")


def _check_honoured(request: ChatCompletionRequest, abilities: Abilities, edited: bool) -> None:
    """Parameters that this engine, or a trajectory with controllers, cannot honour: refused, never dropped in silence."""
    if edited:
        for name in ("presence_penalty", "frequency_penalty"):
            if getattr(request, name):
                raise RequestError(
                    f"{name} counts what one engine call has sampled; controllers and tools may split a trajectory into several, "
                    "so it cannot be honoured together with them (repetition_penalty can)",
                    name,
                )
    check_sampling(request, request.top_logprobs, "top_logprobs", abilities)
    if abilities.grammar:
        return
    if isinstance(request.response_format, JsonObjectFormat | JsonSchemaFormat):
        raise RequestError("this engine cannot enforce a response_format", "response_format")
    if request.tool_choice == "required" or isinstance(request.tool_choice, NamedToolChoice):
        raise RequestError("this engine cannot enforce a call", "tool_choice")


def check_sampling(request: SamplingFields, logprobs: int | None, param: str, abilities: Abilities) -> None:
    """What both kinds of request ask of the engine's sampler. Errors: RequestError naming the parameter."""
    if logprobs is not None and logprobs > abilities.max_logprobs:
        raise RequestError(f"this server gives at most {abilities.max_logprobs} {param}", param)
    if request.logit_bias and not abilities.logit_bias:
        raise RequestError("this engine takes no logit_bias", "logit_bias")


def check_block(
    block: FlyballBlock, format: ChatFormat, abilities: Abilities, toolbox: Toolbox, models: Collection[str] = ()
) -> None:
    """Whether a preset could govern anything. Errors: RequestError."""
    setting = Setting(format, abilities, models=frozenset(models))
    build_controllers([spec.model_dump() for spec in block.controllers], setting)
    if block.strategy is not None:
        build_strategy(block.strategy.model_dump(), setting)
    toolbox.for_request(block.tools, (), block.fenced, format, Asked("", Ledger(), Random(0)))


def _setting(
    format: ChatFormat,
    abilities: Abilities,
    offered: Sequence[Mapping[str, Any]],
    server: ServerTools | None,
    models: Collection[str],
    budget: Mapping[str, float],
) -> Setting:
    names = frozenset(tool["function"]["name"] for tool in offered)
    fenced = None if server is None else server.fenced
    return Setting(format, abilities, names, fenced, frozenset(models), budget)


def _strategy(request: ChatCompletionRequest, block: FlyballBlock, setting: Setting) -> Strategy | None:
    if block.strategy is None:
        return None
    strategy = build_strategy(block.strategy.model_dump(), setting)
    if strategy.needs_variety and request.temperature == 0:
        raise RequestError("several samples at temperature 0 are one and the same", "temperature")
    return strategy


def _tools(request: ChatCompletionRequest) -> tuple[tuple[dict[str, Any], ...], bool]:
    """The tools to render, and whether one must be called."""
    tools = tuple(tool.model_dump(exclude_none=True) for tool in request.tools or [])
    names = [tool["function"]["name"] for tool in tools]
    if len(set(names)) < len(names):
        raise RequestError("two tools have the same name", "tools")
    choice = request.tool_choice
    if isinstance(choice, NamedToolChoice):
        if choice.function.name not in names:
            raise RequestError(f"tool_choice names {choice.function.name!r}, which is not in tools", "tool_choice")
        tools = tuple(tool for tool in tools if tool["function"]["name"] == choice.function.name)
    if choice == "none":
        return (), False
    forced = choice == "required" or isinstance(choice, NamedToolChoice)
    if forced and not tools:
        raise RequestError("tool_choice asks for a call, and there are no tools", "tool_choice")
    if forced and _grammar(request) is not None:
        raise RequestError("a forced tool call leaves no answer for response_format", "response_format")
    if forced:
        check_call_schemas(request)
    return tools, forced


def _grammar(request: ChatCompletionRequest) -> Grammar | None:
    match request.response_format:
        case JsonObjectFormat():
            return Grammar(json_object=True)
        case JsonSchemaFormat() as given:
            return Grammar(json_schema=given.json_schema.json_schema)
    return None


def _thinking(request: ChatCompletionRequest, effort_configured: bool) -> Thinking:
    by_effort = request.reasoning_effort in WITHOUT_THINKING and not effort_configured
    off = by_effort or request.chat_template_kwargs.get("enable_thinking") is False
    return Thinking.OFF if off else Thinking.DEFAULT


def _template_args(request: ChatCompletionRequest) -> dict[str, Any]:
    args = {key: value for key, value in request.chat_template_kwargs.items() if key != "enable_thinking"}
    if request.reasoning_effort not in (None, *WITHOUT_THINKING):
        args["reasoning_effort"] = request.reasoning_effort
    reserved = {"messages", "tools", "chat_template", "tokenize", "add_generation_prompt", "conversation"} & set(args)
    if reserved:
        raise RequestError(f"{reserved.pop()!r} is not for the template's arguments", "chat_template_kwargs")
    return args
