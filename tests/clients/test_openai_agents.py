"""openai-agents over chat completions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

import pytest
from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, RunConfig, Runner, function_tool
from openai import AsyncOpenAI
from openai.types.responses import ResponseTextDeltaEvent

from ..server.scripted_model import AFTER_RESULT
from .live import KEY, Live

UNTRACED = RunConfig(tracing_disabled=True)


@pytest.fixture
async def client(live_server: Live) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=live_server.base_url, api_key=KEY, max_retries=0, timeout=60) as client:
        yield client


def agent_on(client: AsyncOpenAI, cities: list[str]) -> Agent[None]:
    """An agent that must call its tool first, and notes what it was called with."""

    @function_tool
    def get_weather(city: Literal["Paris", "Rome"]) -> str:
        """Look the weather up."""
        cities.append(city)
        return f"sunny in {city}"

    return Agent(
        name="meteorologist",
        instructions="Answer with the weather.",
        tools=[get_weather],
        model=OpenAIChatCompletionsModel(model="pocket", openai_client=client),
        model_settings=ModelSettings(tool_choice="required", max_tokens=300, temperature=0, include_usage=True),
    )


async def test_an_agent_calls_its_tool_and_answers(client: AsyncOpenAI, live_server: Live) -> None:
    cities: list[str] = []
    result = await Runner.run(
        agent_on(client, cities), "What is the weather in Paris?", run_config=UNTRACED, max_turns=4
    )

    assert len(cities) == 1
    assert isinstance(result.final_output, str)
    usage = result.context_wrapper.usage
    assert usage.requests == 2
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens > 0
    if live_server.served is not None:
        assert cities == ["Paris"]
        assert result.final_output == AFTER_RESULT


async def test_a_streamed_run_shows_thinking_the_call_and_the_answer(client: AsyncOpenAI, live_server: Live) -> None:
    cities: list[str] = []
    run = Runner.run_streamed(agent_on(client, cities), "What is the weather?", run_config=UNTRACED, max_turns=4)
    kinds: list[str] = []
    text = ""
    async for event in run.stream_events():
        kinds.append(event.data.type if event.type == "raw_response_event" else event.type)
        if event.type == "raw_response_event" and isinstance(event.data, ResponseTextDeltaEvent):
            text += event.data.delta

    assert len(cities) == 1
    assert "response.function_call_arguments.delta" in kinds
    assert any("reasoning" in kind for kind in kinds)
    assert text == run.final_output
    if live_server.served is not None:
        assert run.final_output == AFTER_RESULT
