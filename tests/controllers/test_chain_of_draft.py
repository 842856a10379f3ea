"""chain_of_draft: what the model is told and shown."""

from typing import Any

import pytest

from flyball.controllers.controller import Plan
from flyball.controllers.registry import build_controllers
from flyball.core.chat_format import Thinking
from flyball.core.errors import RequestError

from .worlds import EOS, MESSAGES, ids, run, setting, text_of

TEXT = (
    "Think step by step, but only keep minimum draft for each thinking step, with 5 words at most. "
    "Return the answer at the end of the response after a separator ####."
)
SHOWN = {"question": "Start with 1, add 1.", "answer": "1 + 1 = 2. #### 2"}
USER = {"role": "user", "content": "Start with 7, add 5."}


def planned(messages: tuple[dict[str, Any], ...], **params: Any) -> list[dict[str, Any]]:
    (built,) = build_controllers([{"name": "chain_of_draft", **params}], setting())
    return [dict(message) for message in built.controller.plan(Plan(messages)).messages]


def test_the_model_is_told_the_sources_words() -> None:
    assert planned((USER,)) == [{"role": "system", "content": TEXT}, USER]


def test_they_come_behind_the_requests_own_system_text() -> None:
    assert planned(({"role": "system", "content": "Be kind."}, USER))[0]["content"] == f"Be kind.\n\n{TEXT}"
    parts = [{"type": "text", "text": "Be kind."}]
    told = planned(({"role": "developer", "content": parts}, USER))[0]
    assert told == {"role": "developer", "content": [*parts, {"type": "text", "text": f"\n\n{TEXT}"}]}
    assert planned(({"role": "system"}, USER))[0]["content"] == TEXT


def test_examples_are_earlier_turns_between_the_system_text_and_the_conversation() -> None:
    shown = [{"role": "user", "content": SHOWN["question"]}, {"role": "assistant", "content": SHOWN["answer"]}]
    assert planned((USER,), examples=[SHOWN])[1:] == [*shown, USER]


def test_words_and_separator_are_parameters() -> None:
    (told, _) = planned((USER,), words=3, separator="=>")
    assert "with 3 words at most" in told["content"] and told["content"].endswith("separator =>.")


def test_the_request_is_not_changed_and_its_prompt_holds_the_text() -> None:
    given = ({"role": "system", "content": "Be kind."}, USER)
    planned(given)
    assert given[0]["content"] == "Be kind."


async def test_it_is_rendered() -> None:
    result = await run(
        lambda request: ids(f"yes{EOS}"),
        controllers=[{"name": "chain_of_draft", "examples": [SHOWN]}],
        thinking=Thinking.OFF,
    )
    prompt = text_of(result.trajectory.prompt_ids)
    places = [prompt.index(text) for text in (SHOWN["question"], SHOWN["answer"], str(MESSAGES[0]["content"]))]
    assert places == sorted(places)
    assert result.shown.content == "yes"


def test_an_example_without_an_answer_is_refused() -> None:
    with pytest.raises(RequestError) as refused:
        planned((USER,), examples=[{"question": "a"}])
    assert refused.value.param == "flyball.controllers.0.examples.0.answer"
