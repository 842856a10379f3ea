"""Parameters of POST /v1/chat/completions: each reaches the engine, takes effect, or is refused by name."""

from __future__ import annotations

from typing import Any

import pytest

from flyball.core.engine import GRAMMAR, Abilities, EngineRequest, Grammar
from flyball.core.errors import RequestError

from .scripted_model import ANSWER, NUMBERS, THINKING
from .serving import CHAT, CONTEXT, Hold, Served, asking, checked_error, error_of, folded, parsed, serving, tool

SCHEMA = {"type": "object", "properties": {"answer": {"type": "integer"}}, "required": ["answer"]}
AS_SCHEMA = {"type": "json_schema", "json_schema": {"name": "result", "strict": True, "schema": SCHEMA}}


def choice_of(served: Served, stream: bool, question: str = "What is it?", **fields: Any) -> dict[str, Any]:
    """The only choice of a response."""
    if stream:
        return folded(served.stream(question, **fields))[0]
    choice: dict[str, Any] = served.chat(question, **fields)["choices"][0]
    return choice


@pytest.mark.parametrize(
    ("fields", "reached"),
    [
        ({"temperature": 0.3}, {"temperature": 0.3}),
        ({"temperature": 0}, {"temperature": 0.0}),
        ({"top_p": 0.5, "top_k": 7, "min_p": 0.1}, {"top_p": 0.5, "top_k": 7, "min_p": 0.1}),
        ({"presence_penalty": 0.5, "frequency_penalty": -0.5}, {"presence_penalty": 0.5, "frequency_penalty": -0.5}),
        ({"repetition_penalty": 1.2}, {"repetition_penalty": 1.2}),
        ({"logit_bias": {"17": -100, "18": 2.5}}, {"logit_bias": {17: -100.0, 18: 2.5}}),
        ({"seed": 1234}, {"seed": 1234}),
        ({"max_tokens": 9}, {"max_tokens": 9}),
        ({"max_tokens": 9, "max_completion_tokens": 5}, {"max_tokens": 5}),
        ({"min_tokens": 3}, {"min_tokens": 3}),
        ({"ignore_eos": True}, {"ignore_eos": True}),
        ({"logprobs": True, "top_logprobs": 4}, {"logprobs": 4}),
        ({"logprobs": True}, {"logprobs": 0}),
        ({}, {"temperature": None, "top_p": None, "seed": None, "logprobs": None, "logit_bias": None}),
    ],
)
def test_sampling_parameters_reach_the_engine(served: Served, fields: dict[str, Any], reached: dict[str, Any]) -> None:
    (call, *_) = served.calls_of(served.chat(**fields))

    assert {name: getattr(call.sampling, name) for name in reached} == reached


def test_null_is_as_good_as_absent(served: Served) -> None:
    sampling = ("temperature", "top_p", "max_tokens", "seed", "stop", "n", "logit_bias", "logprobs", "response_format")
    others = ("tools", "tool_choice", "parallel_tool_calls", "stream", "stream_options", "user", "flyball")
    nothing: dict[str, Any] = dict.fromkeys(sampling + others)

    assert served.chat(**nothing)["choices"][0]["message"]["content"] == ANSWER


def test_unknown_fields_at_the_top_are_tolerated(served: Served) -> None:
    body = served.chat(metadata={"a": "b"}, store=True, service_tier="auto", something_new=[1])

    assert body["choices"][0]["message"]["content"] == ANSWER


def test_n_choices_are_drawn_from_successive_seeds(served: Served) -> None:
    body = served.chat(n=3, seed=40)

    assert [choice["index"] for choice in body["choices"]] == [0, 1, 2]
    calls = {call.request_id: call.sampling.seed for call in served.calls_of(body)}
    assert calls == {f"{body['id']}-{index}-0": 40 + index for index in range(3)}


def test_prompt_tokens_of_n_choices_are_counted_once(served: Served) -> None:
    one, three = served.chat()["usage"], served.chat(n=3)["usage"]

    assert three["prompt_tokens"] == one["prompt_tokens"]
    assert three["completion_tokens"] == 3 * one["completion_tokens"]


@pytest.mark.parametrize("stop", [" four", [" four"], ["ninety", " four", " five"], ["", " four"]])
@pytest.mark.parametrize("stream", [False, True])
def test_the_answer_ends_before_the_first_stop_string(served: Served, stop: Any, stream: bool) -> None:
    choice = choice_of(served, stream, "count", stop=stop)

    assert choice["message"]["content"] == "one two three"
    assert choice["finish_reason"] == "stop"
    assert choice["stop_reason"] == " four"


def test_a_stop_string_in_the_thinking_ends_nothing(served: Served) -> None:
    (choice,) = served.chat(stop=["Six times"])["choices"]

    assert choice["message"]["reasoning"].strip() == THINKING
    assert choice["message"]["content"] == ANSWER


@pytest.mark.parametrize("stream", [False, True])
def test_logprobs_cover_the_answer_and_nothing_else(served: Served, stream: bool) -> None:
    choice = choice_of(served, stream, logprobs=True, top_logprobs=2)

    entries = choice["logprobs"]["content"]
    assert "".join(entry["token"] for entry in entries) == ANSWER
    for entry in entries:
        assert entry.keys() == {"token", "logprob", "bytes", "top_logprobs"}
        assert bytes(entry["bytes"]).decode() == entry["token"]
        assert entry["logprob"] <= 0
        assert len(entry["top_logprobs"]) == 2
        assert entry["top_logprobs"][0] == {name: entry[name] for name in ("token", "logprob", "bytes")}


def test_logprobs_without_top_logprobs_have_an_empty_list_of_others(served: Served) -> None:
    (choice,) = served.chat(logprobs=True)["choices"]

    assert choice["logprobs"]["content"]
    assert all(entry["top_logprobs"] == [] for entry in choice["logprobs"]["content"])


@pytest.mark.parametrize(
    ("format", "grammar"),
    [
        ({"type": "json_object"}, Grammar(json_object=True)),
        (AS_SCHEMA, Grammar(json_schema=SCHEMA)),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
def test_a_response_format_is_a_grammar_of_the_call_that_begins_the_answer(
    served: Served, format: dict[str, Any], grammar: Grammar, stream: bool
) -> None:
    before = len(served.engine.requests)
    choice = choice_of(served, stream, response_format=format)

    thinking, answering = served.engine.requests[before:]
    assert thinking.sampling.grammar is None
    assert answering.sampling.grammar == grammar
    assert served.service.format.decode(answering.ids).endswith("</think>\n\n")
    assert choice["message"]["content"] == '{"answer": 42}'
    assert choice["message"]["reasoning"].strip() == THINKING


def test_a_response_format_of_text_is_no_grammar(served: Served) -> None:
    (call,) = served.calls_of(served.chat(response_format={"type": "text"}))

    assert call.sampling.grammar is None


def test_min_tokens_and_max_tokens_may_be_equal(served: Served) -> None:
    assert served.chat("count", min_tokens=5, max_tokens=5)["usage"]["completion_tokens"] == 5


@pytest.mark.parametrize(
    "messages",
    [
        [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}],
        [{"role": "developer", "content": "Be brief."}, {"role": "user", "content": "hello"}],
        [{"role": "user", "content": "hello", "name": "ann"}],
        [{"role": "user", "content": [{"type": "text", "text": "hel"}, {"type": "text", "text": "lo"}]}],
        [
            {"role": "user", "content": "bad"},
            {"role": "assistant", "content": None, "refusal": "No way."},
            {"role": "user", "content": "hello"},
        ],
        [
            {"role": "user", "content": "bad"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "No way."}]},
            {"role": "user", "content": "hello"},
        ],
        [
            {"role": "user", "content": "hi"},
            {"role": "assistant", "content": "yes", "name": "bob", "refusal": None, "tool_calls": None, "audio": None},
            {"role": "user", "content": "hello"},
        ],
    ],
)
def test_every_usual_form_of_message_is_rendered(served: Served, messages: list[dict[str, Any]]) -> None:
    (call,) = served.calls_of(served.chat(messages=messages))

    prompt = served.service.format.decode(call.ids)
    assert "<|im_start|>user\nhello<|im_end|>\n<|im_start|>assistant\n" in prompt
    assert all(str(message["content"]) in prompt for message in messages if isinstance(message["content"], str))
    assert ("No way." in str(messages)) == ("No way." in prompt)


def _schema(schema: dict[str, Any]) -> dict[str, Any]:
    return {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": schema}}}


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"$schema": "http://json-schema.org/draft-07/schema#", "definitions": {"a": {"type": "string"}}},
        {"type": "object", "properties": {"a": {"$ref": "#/$defs/a"}}, "$defs": {"a": {"pattern": "^(?!x)[a-z]+$"}}},
        {"title": "Result", "type": "object", "properties": {"x": {"anyOf": [{"type": "integer"}, {"type": "null"}]}}},
    ],
)
def test_schemas_as_clients_make_them_are_taken(served: Served, schema: dict[str, Any]) -> None:
    assert served.chat("What is it?", **_schema(schema))["choices"]


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"messages": []}, "messages"),
    ({"messages": None}, "messages"),
    ({"messages": "hello"}, "messages"),
    ({"messages": [{"content": "hello"}]}, "messages.0"),
    ({"messages": [{"role": "robot", "content": "hello"}]}, "messages.0"),
    ({"messages": [{"role": "user"}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": 5}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": None}]}, "messages.0.content"),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": 5}]}]}, "messages.0.content.0.text"),
    ({"messages": [{"role": "user", "content": [{"type": "text"}]}]}, "messages.0.content.0.text"),
    ({"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {}}]}]}, "messages.0.content.0"),
    ({"messages": [{"role": "tool", "content": "x"}]}, "messages.0.tool_call_id"),
    ({"model": 5}, "model"),
    ({"user": 5}, "user"),
    ({"temperature": "hot"}, "temperature"),
    ({"temperature": 3}, "temperature"),
    ({"temperature": -1}, "temperature"),
    ({"top_p": 0}, "top_p"),
    ({"n": 0}, "n"),
    ({"n": 65}, "n"),
    ({"n": 10**12}, "n"),
    ({"stop": [1]}, "stop.0"),
    ({"stop": {"a": 1}}, "stop"),
    ({"stop": ["x"] * 17}, "stop"),
    ({"max_tokens": 0}, "max_tokens"),
    ({"max_tokens": 1.5}, "max_tokens"),
    ({"seed": 2**63}, "seed"),
    ({"logit_bias": {"cat": 1}}, "logit_bias"),
    ({"logit_bias": {"17": 101}}, "logit_bias.17"),
    ({"logit_bias": {"-5": 1}}, "logit_bias"),
    ({"logprobs": 3}, "logprobs"),
    ({"top_logprobs": 2}, "top_logprobs"),
    ({"logprobs": True, "top_logprobs": 21}, "top_logprobs"),
    ({"stream_options": {"include_usage": True}}, "stream_options"),
    ({"response_format": {"type": "xml"}}, "response_format"),
    ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ({"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}, "response_format.json_schema.name"),
    (
        {"response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": 5}}},
        "response_format.json_schema.schema",
    ),
    (_schema({"type": "nonsense"}), "response_format.json_schema.schema"),
    (_schema({"$ref": "#/$defs/missing"}), "response_format.json_schema.schema"),
    (_schema({"$ref": "https://schemas.test/one.json"}), "response_format.json_schema.schema"),
    ({"reasoning_effort": "extreme"}, "reasoning_effort"),
    ({"min_tokens": 6, "max_tokens": 5}, "min_tokens"),
    ({"modalities": ["text", "audio"]}, "modalities"),
    ({"flyball": 5}, "flyball"),
    ({"flyball": {"controler": []}}, "flyball.controler"),
    ({"flyball": {"controllers": [{}]}}, "flyball.controllers.0.name"),
    ({"flyball": {"controllers": [{"name": "no_such"}]}}, "flyball.controllers"),
    ({"flyball": {"controllers": [{"name": "thinking_budget"}]}}, "flyball.controllers.0.tokens"),
    (
        {"flyball": {"controllers": [{"name": "adaptive_think"}, {"name": "thinking_budget", "tokens": -1}]}},
        "flyball.controllers.1.tokens",
    ),
    ({"flyball": {"controllers": [{"name": "thinking_budget", "tokens": 3, "x": 1}]}}, "flyball.controllers.0.x"),
    ({"flyball": {"controllers": [{"name": "adaptive_think", "mode": "never"}]}}, "flyball.controllers.0.mode"),
    ({"flyball": {"controllers": [{"name": "adaptive_think"}] * 2}}, "flyball.controllers"),
    (
        {"thinking_token_budget": 3, "flyball": {"controllers": [{"name": "thinking_budget", "tokens": 3}]}},
        "flyball.controllers",
    ),
    ({"flyball": {"strategy": {"name": "no_such"}}}, "flyball.strategy"),
    ({"flyball": {"strategy": {"name": "self_consistency", "m": 3}}}, "flyball.strategy.m"),
    ({"flyball": {"strategy": {"name": "self_consistency", "n": 65}}}, "flyball.strategy"),
    ({"n": 2, "flyball": {"strategy": {"name": "self_consistency", "n": 3}}}, "n"),
    ({"temperature": 0, "flyball": {"strategy": {"name": "self_consistency", "n": 3}}}, "temperature"),
    ({"presence_penalty": 1, "flyball": {"controllers": [{"name": "hint_infer"}]}}, "presence_penalty"),
    ({"frequency_penalty": 1, "thinking_token_budget": 3}, "frequency_penalty"),
    ({"flyball": {"tools": ["python"]}}, "flyball.tools"),
    ({"flyball": {"budget": {"tokens": 0}}}, "flyball.budget.tokens"),
    ({"flyball": {"budget": {"hours": 1}}}, "flyball.budget.hours"),
    ({"n": 3, "flyball": {"budget": {"fan_out": 2}}}, "n"),
]


@pytest.mark.parametrize(("fields", "param"), WRONG, ids=[f"{param}-{index}" for index, (_, param) in enumerate(WRONG)])
@pytest.mark.parametrize("stream", [False, True])
def test_what_cannot_be_served_is_refused_by_name_before_anything_is_sent(
    served: Served, fields: dict[str, Any], param: str, stream: bool
) -> None:
    if stream and "stream_options" in fields:
        fields = {"stream_options": {"include_usage": "maybe"}}
        param = "stream_options.include_usage"
    before = len(served.engine.requests)

    response = served.post(CHAT, asking("What is it?", stream=stream) | fields)

    assert response.status_code == 400, response.text
    error = error_of(response)
    assert error["type"] == "invalid_request_error"
    assert error["param"] == param
    assert len(served.engine.requests) == before


@pytest.mark.parametrize(
    ("abilities", "fields", "param"),
    [
        (Abilities(context_length=CONTEXT, grammar=False), {"response_format": AS_SCHEMA}, "response_format"),
        (
            Abilities(context_length=CONTEXT, grammar=False),
            {"tools": [tool()], "tool_choice": "required"},
            "tool_choice",
        ),
        (Abilities(context_length=CONTEXT, logit_bias=False), {"logit_bias": {"1": 1}}, "logit_bias"),
        (Abilities(context_length=CONTEXT, max_logprobs=3), {"logprobs": True, "top_logprobs": 4}, "top_logprobs"),
    ],
)
def test_what_the_engine_cannot_do_is_refused_by_name(abilities: Abilities, fields: dict[str, Any], param: str) -> None:
    with serving(abilities=abilities) as served:
        assert served.error(**fields)["param"] == param


class RefusesGrammars(Hold):
    """Stands for an engine that cannot express what a schema asks for."""

    def __call__(self, request: EngineRequest, number: int) -> None:
        if request.sampling.grammar is not None:
            raise RequestError("the engine refuses the request: uniqueItems", GRAMMAR)


@pytest.mark.parametrize(
    ("fields", "param"),
    [(_schema({"uniqueItems": True}), "response_format"), ({"tools": [tool()], "tool_choice": "required"}, "tools")],
)
def test_a_schema_that_the_engine_cannot_express_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    with serving(hold=RefusesGrammars()) as served:
        assert served.error(**fields)["param"] == param
        *_, event, done = parsed(served.post(CHAT, asking("What is it?", stream=True, **fields)).text)

    assert (checked_error(event["error"])["param"], done) == (param, "[DONE]")


@pytest.mark.parametrize("stream", [False, True])
def test_a_prompt_beyond_the_context_says_so_in_the_code_that_agents_act_on(served: Served, stream: bool) -> None:
    error = served.error("word " * 3000, stream=stream)

    assert error["code"] == "context_length_exceeded"
    assert error["param"] == "messages"
    assert str(CONTEXT) in error["message"]


def test_a_prompt_that_nearly_fills_the_context_is_answered_with_what_is_left(served: Served) -> None:
    empty = served.chat("count ")["usage"]["prompt_tokens"]
    body = served.chat("count " + "7 " * ((CONTEXT - empty - 12) // 2), max_completion_tokens=500)

    assert body["choices"][0]["finish_reason"] == "length"
    assert body["usage"]["total_tokens"] <= CONTEXT
    assert not NUMBERS.startswith(body["choices"][0]["message"]["content"] or "-")
