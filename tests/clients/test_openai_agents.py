"""openai-agents over chat completions."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Literal

import pytest
from agents import Agent, ModelSettings, OpenAIChatCompletionsModel, RunConfig, Runner, function_tool
from openai import AsyncOpenAI
from openai.types.responses import ResponseTextDeltaEvent

from flyball.data import CORPUS
from flyball.tools.corpus_index import CorpusIndex
from flyball.tools.passages import format_passages, load_passages

from ..server.scripted_model import AFTER_RESULT
from .live import KEY, Live

UNTRACED = RunConfig(tracing_disabled=True)


@pytest.fixture
async def client(live_server: Live) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(base_url=live_server.base_url, api_key=KEY, max_retries=0, timeout=60) as client:
        yield client


def agent_on(client: AsyncOpenAI, called: list[str], scripted: bool) -> Agent[None]:
    """An agent that calls its tool first, and notes what it was called with.

    The packaged model knows how to search, and nothing of weather.
    """

    @function_tool
    def get_weather(city: Literal["Paris", "Rome"]) -> str:
        """Look the weather up."""
        called.append(city)
        return f"sunny in {city}"

    @function_tool
    def search(query: str) -> str:
        """Search the documents."""
        called.append(query)
        return format_passages(CorpusIndex(load_passages(CORPUS)).search(query, 3))

    return Agent(
        name="helper",
        tools=[get_weather if scripted else search],
        model=OpenAIChatCompletionsModel(model="pocket", openai_client=client),
        model_settings=ModelSettings(
            tool_choice="required" if scripted else "auto", max_tokens=300, temperature=0, include_usage=True
        ),
    )


def question(scripted: bool) -> str:
    return "What is the weather in Paris?" if scripted else "What is the number of bridges of Corunby?"


async def test_an_agent_calls_its_tool_and_answers(client: AsyncOpenAI, live_server: Live) -> None:
    called: list[str] = []
    scripted = live_server.served is not None
    agent = agent_on(client, called, scripted)
    result = await Runner.run(agent, question(scripted), run_config=UNTRACED, max_turns=4)

    assert len(called) == 1
    assert isinstance(result.final_output, str)
    usage = result.context_wrapper.usage
    assert usage.requests == 2
    assert usage.total_tokens == usage.input_tokens + usage.output_tokens > 0
    if scripted:
        assert called == ["Paris"]
        assert result.final_output == AFTER_RESULT


async def test_a_streamed_run_shows_thinking_the_call_and_the_answer(client: AsyncOpenAI, live_server: Live) -> None:
    called: list[str] = []
    scripted = live_server.served is not None
    agent = agent_on(client, called, scripted)
    run = Runner.run_streamed(agent, question(scripted), run_config=UNTRACED, max_turns=4)
    kinds: list[str] = []
    text = ""
    async for event in run.stream_events():
        kinds.append(event.data.type if event.type == "raw_response_event" else event.type)
        if event.type == "raw_response_event" and isinstance(event.data, ResponseTextDeltaEvent):
            text += event.data.delta

    assert len(called) == 1
    assert "response.function_call_arguments.delta" in kinds
    assert any("reasoning" in kind for kind in kinds)
    assert text == run.final_output
    if scripted:
        assert run.final_output == AFTER_RESULT
