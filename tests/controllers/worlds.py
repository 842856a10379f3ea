"""What tests of the loop share: a real tokenizer, models as functions of the context, controllers as tables, one runner."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cache
from itertools import takewhile
from pathlib import Path
from typing import Any, NamedTuple

from flyball.controllers.boundary import AnyWatch, Boundary, BoundaryKind, Watch
from flyball.controllers.controller import BaseController, Pending, Reach, Ruling, Setting, View
from flyball.controllers.edits import Edit
from flyball.controllers.episode import Episode, EpisodeSpec
from flyball.controllers.formats.registry import load_format
from flyball.controllers.limits import Limits
from flyball.controllers.named import Named
from flyball.controllers.registry import build_controllers
from flyball.controllers.server_tools import ServerTools
from flyball.controllers.transcript import Transcript
from flyball.core.chat_format import ChatFormat
from flyball.core.engine import Abilities, EngineRequest, Sampling
from flyball.core.events import Acted, Called, Channel, Noted, Origin
from flyball.core.model import Model
from flyball.core.trajectory import Trajectory
from flyball.data import REASONER
from flyball.server.engines.scripted import Script, ScriptedEngine
from flyball.tools.sessions import Sessions

PATIENCE = 5.0
"""Seconds that any wait may take."""
MESSAGES = ({"role": "user", "content": "Start with 7, add 5."},)
EOS = "<|im_end|>"
TOOL = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
CALL = '<tool_call>\n{"name": "add", "arguments": {"a": 7, "b": 5}}\n</tool_call>'
DELTAS = ((1,), (2,), (3, 5), (7,), (1000,))


def packaged_model() -> Path:
    """The pocket model that the package holds."""
    return REASONER


@cache
def pocket() -> ChatFormat:
    """The packaged pocket model's tokenizer and chat format."""
    return load_format("auto", str(packaged_model()))


def setting() -> Setting:
    """What controllers and strategies of the pocket model are built with."""
    return Setting(pocket(), Abilities(context_length=4096))


def ids(text: str) -> list[int]:
    return pocket().encode(text)


def text_of(tokens: Sequence[int]) -> str:
    return pocket().decode(tokens)


WORDS = ids("one two three four five six seven eight nine ten eleven")[:10]
"""Ten tokens that raise no boundary of their own."""
AFTER = ids(" after that")
"""What `thinks` writes after an edit."""


def thought(tokens: int, then: str = "") -> str:
    """What `thinks` has thought when it was edited once, after so many tokens; with what was written there."""
    return text_of(WORDS[:tokens] + ids(then) + AFTER)


# -- models --------------------------------------------------------------------------------------------------------


def call_number(request: EngineRequest) -> int:
    """Which engine call of its trajectory this is."""
    return int(request.request_id.rpartition("-")[2])


def choice_number(request: EngineRequest) -> int:
    """Which trajectory of its episode this call belongs to."""
    return int(request.request_id.split("-")[-2])


def writes(*texts: str) -> Script:
    """A model that writes one text per engine call of a trajectory; the last one again and again."""
    return lambda request: ids(texts[min(call_number(request), len(texts) - 1)])


def thinks(request: EngineRequest) -> list[int]:
    """Ten tokens of thinking and an answer; after an edit other thoughts and the same answer."""
    return [*(AFTER if call_number(request) else WORDS), *ids(f"</think>\n\nyes{EOS}")]


def forever(request: EngineRequest) -> list[int]:
    """A model that does not end."""
    return WORDS * 100


def goes_on(text: str) -> Script:
    """A model that writes one text, and goes on with it wherever a context leaves off: by what it has written of it."""

    def script(request: EngineRequest) -> Iterable[int]:
        whole, written = ids(text), request.ids
        for size in range(len(whole), 0, -1):
            if written[-size:] == whole[:size]:
                return whole[size:]
        return whole

    return script


class _Faces(NamedTuple):
    """What dice may show, as ids: thousands of models throw them."""

    think: list[int]
    answer: list[int]
    body: list[int]
    end: int
    open: int
    close: int
    call: int
    called: int
    turn: int


@cache
def _faces() -> _Faces:
    (opening, close), (call, called) = ids("<think></think>"), ids("<tool_call></tool_call>")
    return _Faces(
        think=[ids(word)[0] for word in (" a", " b", " so", "\n\n", "\n\n", "Wait", ",", ".", "Hmm", "é")],
        answer=[ids(word)[0] for word in (" a", " b", "1", "2", "\n\n", " E", "N", "D", ".", "é")],
        body=ids('\n{"name": "add", "arguments": {"a": 7}}\n'),
        end=min(pocket().eos_ids),
        open=opening,
        close=close,
        call=call,
        called=called,
        turn=ids("<|im_start|>")[0],
    )


class Dice:
    """A model that throws dice: the next token depends on the whole context and on nothing else."""

    def __init__(self, seed: int = 0) -> None:
        self._seed, self._faces = seed, _faces()

    def __call__(self, request: EngineRequest) -> Iterator[int]:
        context = list(request.ids)
        while True:
            context.append(self._next(context))
            yield context[-1]

    def _next(self, context: Sequence[int]) -> int:
        faces = self._faces
        digest = hashlib.blake2b(repr((self._seed, context)).encode(), digest_size=4).digest()
        dice = int.from_bytes(digest) % 200
        turn = list(takewhile(lambda token: token != faces.turn, reversed(context)))
        channel = next((token for token in turn if token in (faces.open, faces.close, faces.call, faces.called)), None)
        if channel == faces.call:
            inside = turn.index(faces.call)
            return faces.body[inside] if inside < len(faces.body) else faces.called
        if channel == faces.open:
            return faces.close if dice < 16 else faces.think[dice % len(faces.think)]
        if channel is None and dice < 120:
            return faces.open
        return self._rare(dice) or faces.answer[dice % len(faces.answer)]

    def _rare(self, dice: int) -> int | None:
        faces = self._faces
        return faces.end if dice < 16 else faces.call if dice < 22 else faces.open if dice < 24 else None


# -- controllers ---------------------------------------------------------------------------------------------------

At = Callable[[Any, Boundary, View], Ruling[Any]]
OnVerdict = Callable[[Any, Boundary, Any, View], Ruling[Any]]


class Table(BaseController[Any]):
    """Does what it was given functions for; its state is a tuple."""

    def __init__(
        self,
        watches: Sequence[AnyWatch],
        at: At,
        verdict: OnVerdict | None = None,
        reach: Reach = Reach.NONE,
    ) -> None:
        self.watches, self._at, self._verdict, self.reach = tuple(watches), at, verdict, reach

    def initial(self) -> Any:
        return ()

    def at(self, state: Any, boundary: Boundary, view: View) -> Ruling[Any]:
        return self._at(state, boundary, view)

    def verdict(self, state: Any, boundary: Boundary, result: Any, view: View) -> Ruling[Any]:
        return Ruling(state) if self._verdict is None else self._verdict(state, boundary, result, view)


def table(
    name: str,
    watch: AnyWatch,
    at: At,
    verdict: OnVerdict | None = None,
    reach: Reach = Reach.NONE,
) -> Named:
    return Named(name, Table((watch,), at, verdict, reach))


def edits_once(name: str, watch: AnyWatch, *edits: Edit, reach: Reach = Reach.NONE) -> Named:
    """A controller that makes these edits at the first boundary that it is asked at, and remembers where."""

    def at(state: Any, boundary: Boundary, view: View) -> Ruling[Any]:
        return Ruling((*state, boundary.position), () if state else edits)

    return table(name, watch, at, reach=reach)


def judges(name: str, watch: AnyWatch, pending: Pending, *edits: Edit, reach: Reach = Reach.VERDICTS) -> Named:
    """A controller that opens a verdict at its first boundary, and makes these edits when it comes with a result."""

    def at(state: Any, boundary: Boundary, view: View) -> Ruling[Any]:
        return Ruling((*state, boundary.position), pending=None if state else pending)

    def verdict(state: Any, boundary: Boundary, result: Any, view: View) -> Ruling[Any]:
        return Ruling((*state, "heard"), edits if result is not None else ())

    return table(name, watch, at, verdict, reach)


async def ticks(count: int) -> str:
    """A verdict that takes this many turns of the event loop."""
    for _ in range(count):
        await asyncio.sleep(0)
    return "judged"


def after_tokens(event: asyncio.Event, number: int) -> Callable[[EngineRequest, int], None]:
    """A gate that sets the event when the first call is about to give delta `number`."""

    def gate(request: EngineRequest, delta: int) -> None:
        if call_number(request) == 0 and delta == number:
            event.set()

    return gate


def when(event: asyncio.Event, seconds: float = PATIENCE) -> Pending:
    """A verdict that comes once the event is set."""

    async def wait() -> str:
        await event.wait()
        return "judged"

    return Pending(wait, seconds)


THOUGHT_END, THINK_END = Watch(BoundaryKind.THOUGHT_END), Watch(BoundaryKind.THINK_END)
ANSWER_END, START = Watch(BoundaryKind.ANSWER_END), Watch(BoundaryKind.START)
CALL_CLOSED = Watch(BoundaryKind.CALL_CLOSED)

# -- running -------------------------------------------------------------------------------------------------------


@dataclass
class Shown:
    """One choice as a client reads it."""

    reasoning: str = ""
    content: str = ""
    calls: list[list[str]] = field(default_factory=list)
    finish: str | None = None
    stop: str | None = None
    events: list[dict[str, Any]] = field(default_factory=list)

    def add(self, reasoning: str, content: str, calls: Iterable[Any]) -> None:
        self.reasoning, self.content = self.reasoning + reasoning, self.content + content
        for delta in calls:
            if delta.name is not None:
                self.calls.append([delta.name, ""])
            self.calls[delta.index][1] += delta.arguments


class Run(NamedTuple):
    """What came of an episode."""

    episode: Episode
    engine: ScriptedEngine
    choices: list[Shown]

    @property
    def trajectory(self) -> Trajectory:
        return self.episode.trials[0].trajectory

    @property
    def shown(self) -> Shown:
        return self.choices[0]

    def kept(self) -> str:
        """Everything that the first trajectory holds, markers included."""
        return text_of(self.trajectory.ids)


def plain(episode: Episode) -> list[Shown]:
    """The plain body of every choice: one fold of the whole log."""
    bodies = []
    for trial in sorted(episode.trials, key=lambda trial: trial.index):
        spec = episode.spec
        piece = Transcript(
            trial.trajectory,
            pocket(),
            calls=bool(spec.tools),
            logprobs=spec.logprobs,
            events=spec.events,
            server=spec.server_tools,
            choice=trial.index,
        ).close()
        body = Shown(events=piece.events)
        body.add(piece.reasoning, piece.content, piece.calls)
        bodies.append(body)
    return bodies


def named(
    controllers: Iterable[Mapping[str, Any] | Named],
    abilities: Abilities,
    tools: Iterable[Mapping[str, Any]] = (),
    server: ServerTools | None = None,
    models: Iterable[str] = (),
    budget: Mapping[str, float] | None = None,
) -> tuple[Named, ...]:
    """Controllers by their parameters, or as they are; tools as the model is told of them."""
    names = frozenset(tool["function"]["name"] for tool in tools)
    fenced = None if server is None else server.fenced
    told = Setting(pocket(), abilities, names, fenced, frozenset(models), budget or {})
    return tuple(given if isinstance(given, Named) else build_controllers([given], told)[0] for given in controllers)


def opened(
    script: Script,
    *,
    controllers: Iterable[Mapping[str, Any] | Named] = (),
    deltas: Sequence[int] = (1,),
    late_tokens: int = 0,
    gate: Any = None,
    abilities: Abilities | None = None,
    limits: Mapping[str, Any] | None = None,
    max_edits: int = 64,
    format: ChatFormat | None = None,
    sessions: Sessions | None = None,
    models: Mapping[str, Model] | None = None,
    **spec: Any,
) -> tuple[Episode, ScriptedEngine]:
    """A prepared episode over a scripted engine."""
    format = format or pocket()
    abilities = abilities or Abilities(context_length=4096)
    engine = ScriptedEngine(
        script, eos_ids=pocket().eos_ids, deltas=deltas, late_tokens=late_tokens, gate=gate, abilities=abilities
    )
    context = {"max_tokens": 4096, "context_length": abilities.context_length, "answer_room": 16}
    close = len(pocket().close_thinking(""))
    episode = Episode(
        EpisodeSpec(
            **{
                "id": "test",
                "messages": MESSAGES,
                "sampling": Sampling(max_tokens=1),
                "controllers": named(
                    controllers,
                    abilities,
                    spec.get("tools", ()),
                    spec.get("server_tools"),
                    models or (),
                    spec.get("budget"),
                ),
                **spec,
            }
        ),
        engine,
        format,
        Limits(**{**context, "close_tokens": close, **(limits or {})}),
        max_edits,
        sessions,
        models,
    )
    episode.prepare()
    return episode, engine


async def run(script: Script, *, streamed: bool = True, **options: Any) -> Run:
    """Decode an episode to its end; nothing may be left running."""
    episode, engine = opened(script, **options)
    strategy = episode.spec.strategy
    choices = [Shown() for _ in range(episode.spec.n if strategy is None else 1)]
    async with asyncio.timeout(PATIENCE), aclosing(episode.pieces(streamed=streamed)) as pieces:
        async for index, piece, ended in pieces:
            choices[index].add(piece.reasoning, piece.content, piece.calls)
            choices[index].events += piece.events
            if ended is not None:
                assert choices[index].finish is None
                choices[index].finish, choices[index].stop = ended.reason, ended.stop
    await nothing_left(engine)
    return Run(episode, engine, choices)


async def left(episode: Episode, turns: int) -> None:
    """A client reads the episode, and leaves after so many turns of the event loop."""

    async def read() -> None:
        async with aclosing(episode.pieces()) as pieces:
            async for _ in pieces:
                pass

    client = asyncio.create_task(read())
    for _ in range(turns):
        await asyncio.sleep(0)
    client.cancel()
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(client, return_exceptions=True)


async def nothing_left(engine: ScriptedEngine) -> None:
    """The engine holds no call, and no task is left but the test's own."""
    async with asyncio.timeout(PATIENCE):
        await engine.close()
    assert await engine.running() == 0
    assert asyncio.all_tasks() == {asyncio.current_task()}


# -- looking at a trajectory ---------------------------------------------------------------------------------------


def acted(trajectory: Trajectory) -> list[str]:
    return [event.controller for event in trajectory.log if isinstance(event, Acted)]


def calls(trajectory: Trajectory) -> list[Called]:
    return [event for event in trajectory.log if isinstance(event, Called)]


def notes(trajectory: Trajectory) -> list[str]:
    return [event.text for event in trajectory.log if isinstance(event, Noted)]


def parts(trajectory: Trajectory, *, origin: Origin | None = None, channel: Channel | None = None) -> str:
    """The text of kept tokens, markers left out, of one origin or channel."""
    return "".join(
        text_of(trajectory.ids[span.start : end])
        for span, end in trajectory.spans()
        if not span.marker and origin in (None, span.origin) and channel in (None, span.channel)
    )
