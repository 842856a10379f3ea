"""The served model as an auxiliary one."""

from __future__ import annotations

import pytest

from flyball.controllers.served_model import ServedModel
from flyball.core.engine import Abilities
from flyball.core.errors import RequestError
from flyball.core.model import Price
from flyball.server.engines.scripted import ScriptedEngine

from .worlds import EOS, ids, pocket, text_of, writes

CHAT = [{"role": "user", "content": "Is 7 the result?"}]


def engine(text: str, context: int = 4096) -> ScriptedEngine:
    return ScriptedEngine(writes(text), eos_ids=pocket().eos_ids, abilities=Abilities(context_length=context))


async def test_it_answers_without_thinking() -> None:
    scripted = engine(f"Yes, it is.{EOS}")
    model = ServedModel("self", scripted, pocket(), Price())
    reply = await model.chat(CHAT, max_tokens=50)

    assert reply.text == "Yes, it is."
    assert text_of(scripted.requests[0].ids).endswith("<think>\n\n</think>\n\n")
    assert (reply.prompt_tokens, reply.completion_tokens) == (
        len(scripted.requests[0].ids),
        len(ids(f"Yes, it is.{EOS}")),
    )
    assert not reply.cut


async def test_its_first_token_is_told_with_the_likeliest_others() -> None:
    reply = await ServedModel("self", engine(f"Yes{EOS}"), pocket(), Price()).chat(
        CHAT, max_tokens=1, first_token_logprobs=2
    )
    assert reply.cut
    assert text_of(ids("Yes")[:1]) in dict(reply.first_token_logprobs)


async def test_a_chat_that_does_not_fit_is_refused() -> None:
    with pytest.raises(RequestError, match="fit"):
        await ServedModel("self", engine("x", context=8), pocket(), Price()).chat(CHAT, max_tokens=1)
