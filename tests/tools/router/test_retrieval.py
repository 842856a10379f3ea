"""Which tools a query finds: by words, by meaning, by both."""

from __future__ import annotations

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from flyball.core.errors import ConfigError
from flyball.tools.router.dense import DenseIndex
from flyball.tools.router.encoders import load_encoder
from flyball.tools.router.fusion import Fused
from flyball.tools.router.hybrid import make_retriever
from flyball.tools.router.lexical import LexicalIndex
from flyball.tools.router.ranking import best
from flyball.tools.router.retriever import Hit, Retriever
from flyball.tools.router.terms import query_terms, tool_terms

from .world import TOOLS, Synonyms, many, tool


def found(index: Retriever, query: str, k: int = 3) -> list[str]:
    return [hit.name for hit in index.search(query, k)]


# -- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "terms"),
    [
        ("read_file", ["read", "file", "readfil"]),
        ("readFile", ["read", "file", "readfil"]),
        ("HTTPServer2", ["http", "server", "2", "httpserver2"]),
        ("reads", ["read"]),
    ],
)
def test_names_are_cut_at_underscores_capitals_and_digits(name: str, terms: list[str]) -> None:
    assert tool_terms(tool(name)) == terms


def test_parameter_names_and_the_description_count() -> None:
    terms = tool_terms(tool("x", "Loads a table.", "file_path"))
    assert terms == ["x", "file", "path", "filepath", "load", "tabl"]


def test_a_long_question_is_looked_up_by_a_bounded_number_of_words() -> None:
    terms = query_terms(" ".join(f"word{n}x" for n in range(100_000)))
    assert len(terms) == 64
    assert len(query_terms("same " * 1000)) == 1


@pytest.mark.parametrize(
    ("query", "name"),
    [
        ("What will the weather be in Ostrel?", "get_weather"),
        ("getWeather", "get_weather"),
        ("read csv files", "readCSVFile"),
        ("which delimiter", "readCSVFile"),
        ("converting currencies", "convert_currency"),
        ("plothistogram", "plot_histogram"),
        ("Stra\u00dfe nach Z\u00fcrich", "street"),
    ],
)
def test_a_tool_is_found_by_its_words_in_any_form(query: str, name: str) -> None:
    tools = [*many(), tool("street", "Finds a Stra\u00dfe in Z\u00fcrich.")]
    assert found(LexicalIndex(tools), query)[0] == name


@pytest.mark.parametrize("query", ["zebra", "", "?!", "the of and"])
def test_a_tool_that_shares_no_word_is_not_found(query: str) -> None:
    assert found(LexicalIndex(many()), query) == []


@pytest.mark.parametrize("tools", [[], [tool("the")]], ids=["no tools", "no words"])
def test_an_index_of_nothing_finds_nothing(tools: list[object]) -> None:
    assert LexicalIndex(tools).search("weather", 3) == []  # type: ignore[arg-type]


def test_of_equally_good_tools_the_earlier_comes_first() -> None:
    tools = [tool(f"t{n}", "Paints a house.") for n in range(50)]
    assert found(LexicalIndex(tools), "paint", 5) == ["t0", "t1", "t2", "t3", "t4"]


@pytest.mark.parametrize(("k", "positions"), [(0, []), (2, [1, 2]), (3, [1, 2, 4]), (9, [1, 2, 4, 3, 0])])
def test_ranking_keeps_the_order_of_equals(k: int, positions: list[int]) -> None:
    assert best(np.array([1, 3, 3, 2, 3]), k) == positions


def test_threads_may_search_at_once() -> None:
    index = LexicalIndex(many())
    queries = ["weather town", "read csv", "send a message", "currency"] * 50
    alone = [index.search(query, 5) for query in queries]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(lambda query: index.search(query, 5), queries)) == alone


def test_libraries_are_loaded_only_for_an_index() -> None:
    code = """
import sys
import flyball.tools.router.router, flyball.tools.router.dense, flyball.tools.router.encoders, flyball.tools.dispatch
print({'bm25s', 'numba', 'numpy', 'scipy', 'Stemmer', 'model2vec', 'torch'} & set(sys.modules))
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "set()\n"


# -- meaning ----------------------------------------------------------------------------------------------------------


def test_a_tool_is_found_by_what_it_means() -> None:
    index = DenseIndex(TOOLS, Synonyms())
    assert found(index, "do I need an umbrella", 1) == ["get_weather"]
    assert found(index, "write a letter", 1) == ["send_mail"]
    assert LexicalIndex(TOOLS).search("umbrella", 1) == []


def test_scores_are_cosines() -> None:
    (first, *_) = DenseIndex(TOOLS, Synonyms()).search("umbrella", 1)
    assert first.score == pytest.approx(1.0)


def test_a_dense_index_of_nothing_finds_nothing() -> None:
    assert DenseIndex([], Synonyms()).search("umbrella", 3) == []


def test_a_text_without_direction_is_like_nothing() -> None:
    assert {hit.score for hit in DenseIndex(TOOLS, Synonyms()).search("zebra", 5)} == {0.0}


@pytest.fixture(scope="module")
def static_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A real model of model2vec with four words, saved as such models are."""
    from model2vec import StaticModel
    from tokenizers import Tokenizer
    from tokenizers.models import WordLevel
    from tokenizers.pre_tokenizers import Whitespace

    words = {"[UNK]": 0, "[PAD]": 1, "weather": 2, "umbrella": 3, "mail": 4, "letter": 5}
    tokenizer = Tokenizer(WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = Whitespace()
    vectors = np.array([[0, 0, 0.01], [0, 0, 0], [1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0.1, 0.9, 0]], dtype=np.float32)
    path = tmp_path_factory.mktemp("encoder")
    StaticModel(vectors, tokenizer, config={"normalize": False}).save_pretrained(path)
    return path


def test_an_encoder_is_loaded_by_the_name_of_its_model(static_model: Path) -> None:
    index = DenseIndex(TOOLS, load_encoder(str(static_model)))
    assert found(index, "umbrella", 1) == ["get_weather"]
    assert found(index, "letter", 1) == ["send_mail"]


def test_an_encoder_that_cannot_be_loaded_is_a_configuration_error(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(ConfigError, match="cannot be loaded"):
        load_encoder(str(tmp_path))


def test_without_the_library_the_error_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "model2vec", None)
    with pytest.raises(ConfigError, match=r"pip install 'flyball\[retrieval\]'"):
        load_encoder("any")


# -- both -------------------------------------------------------------------------------------------------------------


class Fixed:
    """A retriever whose answer is given."""

    def __init__(self, *names: str) -> None:
        self._names = names

    def search(self, query: str, k: int) -> list[Hit]:
        return [Hit(name, 1.0) for name in self._names[:k]]


def test_fused_ranks_add_up() -> None:
    """a: 1/11 + 1/13 = 0.1678; b: 1/12 + 1/12 = 0.1667; c: 1/13; d: 1/11."""
    hits = Fused([Fixed("a", "b", "c"), Fixed("d", "b", "a")]).search("", 4)
    assert [hit.name for hit in hits] == ["a", "b", "d", "c"]
    assert hits[0].score == pytest.approx(1 / 11 + 1 / 13)


def test_of_equal_ranks_the_first_retrievers_comes_first() -> None:
    assert [hit.name for hit in Fused([Fixed("b"), Fixed("a")]).search("", 2)] == ["b", "a"]


def test_words_and_meaning_together_find_what_either_finds() -> None:
    tools = many()
    both = Fused([LexicalIndex(tools), DenseIndex(tools, Synonyms())])
    assert "get_weather" in found(both, "umbrella", 1)
    assert found(both, "currency", 1) == ["convert_currency"]


def test_a_retriever_is_made_with_or_without_the_encoder_that_is_named(static_model: Path) -> None:
    assert found(make_retriever(TOOLS), "umbrella") == []
    hybrid = make_retriever(TOOLS, str(static_model))
    assert found(hybrid, "umbrella", 1) == ["get_weather"]
    assert found(hybrid, "currency", 1) == ["convert_currency"]
