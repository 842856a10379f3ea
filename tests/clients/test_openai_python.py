"""openai-python, synchronous and asynchronous."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import openai
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionMessageFunctionToolCall, ChatCompletionToolParam
from pydantic import BaseModel

from ..server.scripted_model import ANSWER, NUMBERS, THINKING
from ..server.serving import PATIENCE, Hold, serving
from .live import KEY, QUESTION, Live

WEATHER: ChatCompletionToolParam = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "Look the weather up.",
        "parameters": {
            "type": "object",
            "properties": {"city": {"enum": ["Paris", "Rome"]}},
            "required": ["city"],
            "additionalProperties": False,
        },
    },
}


class Result(BaseModel):
    """What the model is made to answer with."""

    sure: bool
    size: Literal["small", "large"]


@pytest.fixture
def client(live_server: Live) -> Iterator[OpenAI]:
    with OpenAI(base_url=live_server.base_url, api_key=KEY, max_retries=0, timeout=60) as client:
        yield client


@pytest.fixture
async def async_client(live_server: Live) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=live_server.base_url, api_key=KEY, max_retries=0, timeout=60) as client:
        yield client


def ask(client: OpenAI, **fields: Any) -> Any:
    body: dict[str, Any] = {
        "model": "pocket",
        "messages": [{"role": "user", "content": QUESTION}],
        "max_tokens": 400,
        "temperature": 0,
    }
    return client.chat.completions.create(**body | fields)


def test_an_answer_has_content_thinking_and_usage(client: OpenAI, live_server: Live) -> None:
    completion = ask(client)

    (choice,) = completion.choices
    assert choice.message.role == "assistant"
    assert choice.message.content
    assert choice.message.reasoning == choice.message.reasoning_content
    usage = completion.usage
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens
    assert usage.completion_tokens_details.reasoning_tokens > 0
    if live_server.served is not None:
        assert choice.message.content == ANSWER
        assert choice.message.reasoning_content.strip() == THINKING
        assert choice.finish_reason == "stop"


def test_a_stream_adds_up_to_the_plain_answer(client: OpenAI) -> None:
    plain = ask(client)
    chunks = list(ask(client, stream=True, stream_options={"include_usage": True}))

    content = "".join(chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices)
    assert content == plain.choices[0].message.content
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == plain.usage.completion_tokens


def test_the_stream_helper_gathers_the_completion(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model="pocket", messages=[{"role": "user", "content": QUESTION}], max_tokens=400, temperature=0
    ) as stream:
        deltas = [event.delta for event in stream if event.type == "content.delta"]
        final = stream.get_final_completion()

    assert "".join(deltas) == final.choices[0].message.content
    assert final.choices[0].finish_reason == "stop"
    assert len(deltas) > 1


def test_the_stream_helper_gathers_calls(client: OpenAI) -> None:
    with client.chat.completions.stream(
        model="pocket",
        messages=[{"role": "user", "content": "weather"}],
        tools=[WEATHER],
        tool_choice="required",
        max_tokens=400,
        seed=1,
    ) as stream:
        kinds = {event.type for event in stream}
        final = stream.get_final_completion()

    assert "tool_calls.function.arguments.delta" in kinds
    (call,) = final.choices[0].message.tool_calls or []
    assert call.function.name == "get_weather"
    assert final.choices[0].finish_reason in ("tool_calls", "length")


def test_a_named_tool_is_called(client: OpenAI, live_server: Live) -> None:
    completion = ask(
        client, tools=[WEATHER], tool_choice={"type": "function", "function": {"name": "get_weather"}}, seed=1
    )

    (call,) = completion.choices[0].message.tool_calls
    assert isinstance(call, ChatCompletionMessageFunctionToolCall)
    assert call.function.name == "get_weather"
    assert call.id
    if live_server.served is not None:
        assert call.function.arguments == '{"city": "Paris"}'


def test_an_answer_is_parsed_into_a_model(client: OpenAI) -> None:
    completion = client.chat.completions.parse(
        model="pocket",
        messages=[{"role": "user", "content": QUESTION}],
        response_format=Result,
        max_completion_tokens=400,
        temperature=0,
    )

    assert isinstance(completion.choices[0].message.parsed, Result)


def test_a_stop_string_n_and_logprobs(client: OpenAI) -> None:
    completion = ask(client, n=2, logprobs=True, top_logprobs=2, temperature=1, seed=3)

    assert [choice.index for choice in completion.choices] == [0, 1]
    for choice in completion.choices:
        assert choice.logprobs is not None
        assert "".join(entry.token for entry in choice.logprobs.content) == choice.message.content
        assert all(len(entry.top_logprobs) >= 2 for entry in choice.logprobs.content)


def test_the_block_travels_in_extra_body_and_its_report_comes_back(client: OpenAI) -> None:
    completion = ask(client, extra_body={"flyball": {"controllers": [{"name": "thinking_budget", "tokens": 4}]}})

    assert completion.usage.completion_tokens_details.reasoning_tokens <= 4
    assert completion.flyball["trace_id"] == completion.id


def test_a_preset_is_a_model(client: OpenAI) -> None:
    names = [model.id for model in client.models.list()]

    assert names == ["pocket", "pocket:brief"]
    assert client.models.retrieve("pocket:brief").id == "pocket:brief"
    assert ask(client, model="pocket:brief").usage.completion_tokens_details.reasoning_tokens == 0


def test_raw_responses_carry_the_headers(client: OpenAI) -> None:
    raw = client.chat.completions.with_raw_response.create(
        model="pocket",
        messages=[{"role": "user", "content": QUESTION}],
        max_tokens=5,
        extra_headers={"x-request-id": "mine"},
    )

    assert raw.headers["x-request-id"] == "mine"
    assert raw.headers["x-flyball-trace"] == raw.parse().id
    assert raw.request_id == "mine"


def test_text_is_completed(client: OpenAI) -> None:
    completion = client.completions.create(model="pocket", prompt=["one, two", "three"], max_tokens=5, logprobs=1)

    assert [choice.index for choice in completion.choices] == [0, 1]
    assert completion.usage is not None
    assert completion.usage.completion_tokens > 0
    streamed = client.completions.create(model="pocket", prompt="one, two", max_tokens=5, stream=True)
    assert [chunk.choices[0].finish_reason for chunk in streamed][-1] in ("stop", "length")


# -- errors ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize(
    ("fields", "kind", "code", "param"),
    [
        ({"temperature": 9}, openai.BadRequestError, "invalid_value", "temperature"),
        ({"messages": []}, openai.BadRequestError, "invalid_value", "messages"),
        (
            {"messages": [{"role": "user", "content": "long " * 5000}]},
            openai.BadRequestError,
            "context_length_exceeded",
            "messages",
        ),
        ({"model": "gpt-9"}, openai.NotFoundError, "model_not_found", "model"),
        (
            {"extra_body": {"flyball": {"controllers": [{"name": "none"}]}}},
            openai.BadRequestError,
            "unknown_controller",
            "flyball.controllers",
        ),
    ],
)
def test_errors_are_raised_as_their_class(
    client: OpenAI, fields: dict[str, Any], kind: type[openai.APIStatusError], code: str, param: str, stream: bool
) -> None:
    with pytest.raises(kind) as raised:
        ask(client, stream=stream, **fields)

    assert (raised.value.code, raised.value.param) == (code, param)


def test_a_wrong_key_is_an_authentication_error(live_server: Live) -> None:
    with (
        OpenAI(base_url=live_server.base_url, api_key="sk-wrong", max_retries=0) as client,
        pytest.raises(openai.AuthenticationError) as raised,
    ):
        client.models.list()

    assert raised.value.code == "invalid_api_key"


def test_a_full_server_is_a_rate_limit_error() -> None:
    hold = Hold()
    with (
        ThreadPoolExecutor() as threads,
        serving(hold=hold, server={"max_running": 1, "max_queue": 0}) as served,
        OpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0, timeout=PATIENCE) as client,
    ):
        running = threads.submit(served.chat)
        served.until(lambda: hold.holding == 1)
        with pytest.raises(openai.RateLimitError) as raised:
            ask(client)
        served.call(hold.open)
        running.result(PATIENCE)

    assert raised.value.response.headers["retry-after"]
    assert raised.value.code == "rate_limit_exceeded"


def test_an_error_in_the_middle_of_a_stream_is_raised() -> None:
    hold = Hold(at=8)
    with (
        serving(hold=hold) as served,
        OpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0, timeout=PATIENCE) as client,
    ):
        stream = ask(client, stream=True)
        next(stream)
        served.until(lambda: hold.holding == 1)
        served.call(served.engine.die)
        served.call(hold.open)
        with pytest.raises(openai.APIError) as raised:
            list(stream)

    assert raised.value.code == "engine_unavailable"


# -- asynchronous ------------------------------------------------------------------------------------------------------


async def test_many_at_once_are_answered(async_client: AsyncOpenAI) -> None:
    async def one(stream: bool) -> str:
        messages: Any = [{"role": "user", "content": QUESTION}]
        create: Callable[..., Any] = async_client.chat.completions.create
        answer = await create(model="pocket", messages=messages, max_tokens=400, temperature=0, stream=stream)
        if not stream:
            return str(answer.choices[0].message.content)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in answer])

    answers = await asyncio.gather(*(one(stream=number % 2 == 0) for number in range(8)))

    assert all(answers)
    assert len({answer.strip() for answer in answers}) == 1


async def test_the_asynchronous_stream_helper_gathers_the_completion(async_client: AsyncOpenAI) -> None:
    async with async_client.chat.completions.stream(
        model="pocket", messages=[{"role": "user", "content": QUESTION}], max_tokens=400, temperature=0
    ) as stream:
        final = await stream.get_final_completion()

    assert final.choices[0].message.content


async def test_a_stream_that_is_closed_early_stops_the_engine() -> None:
    hold = Hold(at=8)
    with serving(hold=hold) as served:
        async with AsyncOpenAI(base_url=f"{served.url}/v1", api_key="any", max_retries=0, timeout=PATIENCE) as client:
            stream = await client.chat.completions.create(
                model="pocket", messages=[{"role": "user", "content": "count"}], stream=True
            )
            await anext(stream)
            await asyncio.to_thread(served.until, lambda: hold.holding == 1)
            await stream.close()
        await asyncio.to_thread(served.until_idle)

        assert hold.holding == 0


def test_a_scripted_answer_is_the_scripts(scripted_server: Live) -> None:
    with OpenAI(base_url=scripted_server.base_url, api_key=KEY, max_retries=0) as client:
        completion = ask(client, messages=[{"role": "user", "content": "count"}], stop=[" four"])

    assert NUMBERS.startswith(completion.choices[0].message.content)
    assert completion.choices[0].stop_reason == " four"
