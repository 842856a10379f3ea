"""The `search` tool: what a model is told and reads."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path

import pytest

from flyball.core.errors import ConfigError, ToolError
from flyball.data import CORPUS
from flyball.tools.corpus_index import CorpusIndex
from flyball.tools.passages import Passage, format_passages, load_passages
from flyball.tools.result import Status
from flyball.tools.search.config import SearchConfig
from flyball.tools.search.tool import Search
from flyball.tools.tool import CallContext, Effect

CONTEXT = CallContext("s")


async def test_the_pocket_corpus_is_searched_and_shown_as_the_pocket_model_learnt_it() -> None:
    """The model was trained on the three best passages in exactly this form."""
    passages = load_passages(CORPUS)
    index = CorpusIndex(passages)
    tool = Search()

    for query in ("Ruvemor", "captain of the ship Pelarfell", "Who is the mayor of Threrlis?", "turnips"):
        result = await tool.call({"query": query}, CONTEXT)
        assert (result.status, result.text) == (Status.OK, format_passages(index.search(query, 3)))
    await tool.close()


async def test_a_result_carries_the_passages_with_their_source() -> None:
    result = await Search().call({"query": "Ruvemor mountain"}, CONTEXT)

    assert result.structured[0]["id"] == "mountain-000"
    assert set(result.structured[0]) == {"id", "title", "text"}
    assert result.text.startswith("[1] Ruvemor: ")


def test_it_is_declared_as_the_pocket_model_learnt_it() -> None:
    spec = Search().spec
    assert (spec.name, spec.description, spec.effect) == ("search", "Search the documents.", Effect.PURE)
    assert spec.parameters == {
        "properties": {"query": {"title": "Query", "type": "string"}},
        "required": ["query"],
        "title": "SearchArguments",
        "type": "object",
    }


async def test_an_empty_query_is_the_callers_mistake_and_one_without_a_hit_is_not() -> None:
    tool = Search()
    with pytest.raises(ToolError, match="empty"):
        await tool.call({"query": " "}, CONTEXT)
    assert (await tool.call({"query": "zzz"}, CONTEXT)).text == "No passage found."
    await tool.end_session("s")


async def test_a_folder_is_searched_with_its_own_name_and_number_of_passages(tmp_path: Path) -> None:
    for number in range(5):
        (tmp_path / f"{number}.txt").write_text(f"Turnips, part {number}.")
    config = SearchConfig(path=tmp_path, index=tmp_path / ".index", name="garden", description="Ask.", k=2)
    tool = Search(config)
    result = await tool.call({"query": "turnips"}, CONTEXT)

    assert (tool.spec.name, tool.spec.description, tool.spec.effect) == ("garden", "Ask.", Effect.READ_ONLY)
    assert result.text == "[1] 0.txt: Turnips, part 0.\n[2] 1.txt: Turnips, part 1."
    assert [found["path"] for found in result.structured] == ["0.txt", "1.txt"]
    await tool.close()


class Gated:
    """A corpus whose index takes as long as the test wants; each is of another version."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.begun = 0
        self.error: Exception | None = None

    def index(self) -> CorpusIndex:
        self.begun += 1
        version = self.begun
        assert self.open.wait(10)
        if self.error:
            raise self.error
        return CorpusIndex([Passage("p", "", f"turnips {version}")])


async def test_calls_that_come_while_the_first_index_is_made_wait_for_the_one() -> None:
    corpus = Gated()
    tool = Search(corpus=corpus)
    calls = [asyncio.ensure_future(tool.call({"query": "turnips"}, CONTEXT)) for _ in range(10)]
    await asyncio.sleep(0)
    calls[0].cancel()
    corpus.open.set()
    texts = [(await call).text for call in calls[1:]]

    assert texts == ["[1] : turnips 1"] * 9
    assert corpus.begun == 1


async def test_while_the_index_is_brought_up_to_date_the_old_one_answers(tmp_path: Path) -> None:
    corpus = Gated()
    tool = Search(SearchConfig(path=tmp_path, refresh_s=0), corpus)
    corpus.open.set()
    await tool.prepare()
    corpus.open.clear()

    assert (await tool.call({"query": "turnips"}, CONTEXT)).text == "[1] : turnips 1"
    corpus.open.set()
    await tool.close()
    assert (await tool.call({"query": "turnips"}, CONTEXT)).text == "[1] : turnips 2"
    await tool.close()


async def test_a_corpus_that_fails_is_no_fault_of_the_caller_and_is_tried_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    corpus = Gated()
    corpus.open.set()
    corpus.error = ConfigError("nothing there")
    tool = Search(corpus=corpus)

    assert (await tool.call({"query": "turnips"}, CONTEXT)).status is Status.INFRA
    assert "nothing there" in caplog.text
    corpus.error = None
    assert (await tool.call({"query": "turnips"}, CONTEXT)).status is Status.OK


def test_a_path_where_nothing_is_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no file or folder"):
        Search(SearchConfig(path=tmp_path / "nothing"))
