"""langchain-openai."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from operator import add
from typing import Any, Literal

import openai
import pytest
from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage, HumanMessage, ToolMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel, SecretStr

from ..server.scripted_model import AFTER_RESULT, ANSWER
from .live import KEY, QUESTION, Live


@tool
def get_weather(city: Literal["Paris", "Rome"]) -> str:
    """Look the weather up."""
    return f"sunny in {city}"


class Result(BaseModel):
    """What the model is made to answer with."""

    sure: bool
    size: Literal["small", "large"]


@pytest.fixture
def model(live_server: Live) -> ChatOpenAI:
    return ChatOpenAI(
        model="pocket",
        base_url=live_server.base_url,
        api_key=SecretStr(KEY),
        temperature=0,
        max_completion_tokens=400,
        max_retries=0,
        stream_usage=True,
    )


def joined(chunks: Iterable[Any]) -> AIMessageChunk:
    """What a chain's next step would see."""
    whole = reduce(add, chunks)
    assert isinstance(whole, AIMessageChunk)
    return whole


def test_an_answer_has_usage(model: ChatOpenAI, live_server: Live) -> None:
    message = model.invoke(QUESTION)

    assert isinstance(message, AIMessage)
    assert message.text
    usage = message.usage_metadata
    assert usage is not None
    assert usage["input_tokens"] > 0
    assert usage["total_tokens"] == usage["input_tokens"] + usage["output_tokens"]
    assert usage["output_token_details"]["reasoning"] > 0
    assert message.response_metadata["finish_reason"] == "stop"
    if live_server.served is not None:
        assert message.text == ANSWER


def test_a_stream_adds_up_to_the_answer_and_ends_with_usage(model: ChatOpenAI) -> None:
    plain = model.invoke(QUESTION)
    chunks = list(model.stream(QUESTION))

    whole = joined(chunks)
    assert whole.text == plain.text
    assert len([chunk for chunk in chunks if chunk.text]) > 1
    assert plain.usage_metadata is not None
    assert whole.usage_metadata is not None
    assert whole.usage_metadata["output_tokens"] == plain.usage_metadata["output_tokens"]


async def test_an_asynchronous_answer_is_the_same(model: ChatOpenAI) -> None:
    assert (await model.ainvoke(QUESTION)).text == model.invoke(QUESTION).text


def test_a_bound_tool_is_called_and_its_result_is_answered(model: ChatOpenAI, live_server: Live) -> None:
    history: list[BaseMessage] = [HumanMessage("What is the weather in Paris?")]
    calling = model.bind_tools([get_weather], tool_choice="required").invoke(history)

    (call,) = calling.tool_calls
    assert call["name"] == "get_weather"
    result = ToolMessage(get_weather.invoke({"city": "Paris"}), tool_call_id=call["id"])
    answer = model.bind_tools([get_weather]).invoke([*history, calling, result])
    assert calling.response_metadata["finish_reason"] == "tool_calls"
    if live_server.served is not None:
        assert call["args"] == {"city": "Paris"}
        assert answer.text == AFTER_RESULT


def test_calls_in_a_stream_are_put_together(model: ChatOpenAI) -> None:
    chunks = list(model.bind_tools([get_weather], tool_choice="required").stream("weather"))

    whole = joined(chunks)
    (call,) = whole.tool_calls
    assert call["name"] == "get_weather"
    assert set(call["args"]) == {"city"}


def test_structured_output_is_enforced(model: ChatOpenAI) -> None:
    structured = model.with_structured_output(Result, method="json_schema")

    assert isinstance(structured.invoke(QUESTION), Result)


def test_the_block_travels_in_extra_body(model: ChatOpenAI) -> None:
    governed = model.bind(extra_body={"flyball": {"controllers": [{"name": "thinking_budget", "tokens": 4}]}})
    message = governed.invoke(QUESTION)

    assert isinstance(message, AIMessage)
    assert message.usage_metadata is not None
    assert message.usage_metadata["output_token_details"]["reasoning"] <= 4


def test_a_refused_request_is_an_error_of_its_class(model: ChatOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="temperature"):
        model.invoke(QUESTION, temperature=9)
