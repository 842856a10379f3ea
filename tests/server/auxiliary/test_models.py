"""The auxiliary models of a server, from its start to its end."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from flyball.core.chat_format import ChatFormat
from flyball.core.errors import ConfigError, EngineError
from flyball.core.model import Price
from flyball.server.auxiliary.models import AuxiliaryModels
from flyball.server.auxiliary.sections import AuxiliarySection
from flyball.server.engines.scripted import ScriptedEngine
from flyball.server.supervisor import Supervisor

from ..serving import PATIENCE, pocket_format

REMOTE = {"name": "big", "url": "http://127.0.0.1:9/v1"}
BESIDE = {"name": "verifier", "path": "pocket-verifier", "price": {"output": 2.0}, "max_running": 2, "max_queue": 1}


class World:
    """Engines that say yes, and how many of them were made."""

    def __init__(self, *sections: dict[str, Any], fails: bool = False) -> None:
        self.engines: list[ScriptedEngine] = []
        self._fails = fails
        self.models = AuxiliaryModels([AuxiliarySection.model_validate(given) for given in sections], self.beside)

    def beside(self, section: AuxiliarySection) -> tuple[Supervisor, ChatFormat]:
        return Supervisor(self._made, first_wait=0), pocket_format()

    def _made(self) -> ScriptedEngine:
        format = pocket_format()
        kind = Broken if self._fails else ScriptedEngine
        self.engines.append(kind(lambda _: format.encode("Yes<|im_end|>"), eos_ids=format.eos_ids))
        return self.engines[-1]


class Broken(ScriptedEngine):
    """Does not start; it is closed all the same."""

    closed = False

    async def start(self) -> None:
        raise EngineError("no memory is left")

    async def close(self) -> None:
        self.closed = True


async def ask(models: AuxiliaryModels, name: str) -> str:
    return (await models.models[name].chat([{"role": "user", "content": "?"}], max_tokens=4)).text


async def test_one_behind_a_server_is_not_asked_before_it_is_needed_and_one_beside_has_an_engine() -> None:
    world = World(REMOTE, BESIDE)
    await world.models.start()
    assert world.models.health() == {"big": "remote", "verifier": "ready"}
    assert len(world.engines) == 1
    assert await ask(world.models, "verifier") == "Yes"
    assert world.models.models["verifier"].price == Price(output=2.0)
    assert (world.models.asked(), world.models.refused()) == (0, 0)
    await world.models.close()


async def test_an_engine_that_dies_is_restarted_and_says_so_meanwhile() -> None:
    world = World(BESIDE)
    await world.models.start()
    world.engines[0].die()
    with pytest.raises(EngineError, match="being restarted"):
        await ask(world.models, "verifier")
    assert world.models.health() == {"verifier": "restarting"}
    async with asyncio.timeout(PATIENCE):
        while world.models.health() != {"verifier": "ready"}:
            await asyncio.sleep(0)
    assert await ask(world.models, "verifier") == "Yes"
    assert len(world.engines) == 2
    await world.models.close()


async def test_questions_that_are_refused_are_counted() -> None:
    world = World(BESIDE | {"max_running": 1, "max_queue": 0})
    await world.models.start()
    said = await asyncio.gather(*(ask(world.models, "verifier") for _ in range(3)), return_exceptions=True)
    assert [answer for answer in said if not isinstance(answer, EngineError)] == ["Yes"]
    assert (world.models.asked(), world.models.refused()) == (0, 2)
    await world.models.close()


async def test_an_engine_that_does_not_start_keeps_the_server_from_starting_and_is_closed() -> None:
    world = World(BESIDE, fails=True)
    with pytest.raises(EngineError, match="no memory"):
        await world.models.start()
    await world.models.close()
    (engine,) = world.engines
    assert isinstance(engine, Broken) and engine.closed


def test_two_of_the_same_name_are_refused() -> None:
    with pytest.raises(ConfigError, match="same name"):
        World(REMOTE, BESIDE | {"name": "big"})
