"""Search by BM25: what is found, in which order, and when nothing is."""

from __future__ import annotations

import logging
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from flyball.tools.corpus_index import CorpusIndex
from flyball.tools.passages import Passage


def corpus(*texts: str) -> list[Passage]:
    return [Passage(f"p{number}", "", text) for number, text in enumerate(texts)]


def found(index: CorpusIndex, query: str, k: int = 3) -> list[str]:
    return [passage.id for passage in index.search(query, k)]


TOWN = [
    Passage("tarn", "Mira Tarn", "Mira Tarn was born in Ostrel and became a painter."),
    Passage("ostrel", "Ostrel", "Ostrel is a harbour town with two lighthouses and a market."),
    Passage("velk", "Joss Velk", "Joss Velk was a painter who was born in Hadrun and taught in Ostrel."),
    Passage("hadrun", "Hadrun", "Hadrun is a town in the hills; it was founded by a painter."),
]


# -- what is found ----------------------------------------------------------------------------------------------------


def test_a_passage_is_found_by_the_rare_name_in_a_question() -> None:
    """Words that many passages share weigh less than the name, whatever its case."""
    assert found(CorpusIndex(TOWN), "In which town was the painter joss VELK born?")[0] == "velk"


def test_a_passage_without_a_word_of_the_query_is_never_returned() -> None:
    assert found(CorpusIndex(TOWN), "lighthouse", k=4) == ["ostrel"]
    assert found(CorpusIndex(TOWN), "Quennel", k=4) == []


def test_the_title_counts() -> None:
    index = CorpusIndex([*corpus("It lies by the sea."), Passage("t", "Ostrel", "It lies by the sea.")])
    assert found(index, "Ostrel") == ["t"]


@pytest.mark.parametrize(
    "query", ["lighthouse", "lighthouses", "the lighthouse's keeper", "the lighthouse\u2019s keeper"]
)
def test_plural_and_possessive_find_the_same_passage(query: str) -> None:
    assert found(CorpusIndex(TOWN), query) == ["ostrel"]


def test_an_unknown_possessive_finds_nothing() -> None:
    """The s after an apostrophe is no word of its own."""
    assert found(CorpusIndex(corpus("Mira's house", "Joss\u2019s house")), "Quennel's") == []


def test_single_characters_and_digits_are_words() -> None:
    assert found(CorpusIndex(corpus("Room 6 is red.", "Room 7 is red.", "Room B is red.")), "room 7", k=1) == ["p1"]


def test_composed_and_decomposed_letters_are_the_same() -> None:
    assert found(CorpusIndex(corpus("Ostrel", "Zu\u0308rn")), "Z\u00fcrn") == ["p1"]


# -- in which order ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False])
def test_a_similar_name_does_not_win_over_the_exact_one(first: bool) -> None:
    """Other first name, other last name, one letter more: none of them is the person asked for."""
    similar = ["Mirabel Torn paints.", "Mira Tarn paints.", "Mirabella Tarn paints.", "Mirabel Tarne paints."]
    texts = ["Mirabel Tarn paints.", *similar] if first else [*similar, "Mirabel Tarn paints."]

    best = CorpusIndex(corpus(*texts)).search("Who is Mirabel Tarn?")[0]
    assert best.text == "Mirabel Tarn paints."


@pytest.mark.parametrize("name", ["Hart", "Harting", "Harts"])
@pytest.mark.parametrize("query", ["{}", "What is {}'s trade?"])
def test_of_names_with_one_stem_the_one_as_it_stands_wins(name: str, query: str) -> None:
    """The others follow, as they may be forms of the same word."""
    index = CorpusIndex(corpus("Harts paints.", "Hart paints.", "Harting paints."))

    results = index.search(query.format(name))
    assert results[0].text == f"{name} paints."
    assert len(results) == 3


def test_equally_good_passages_keep_the_order_of_the_corpus() -> None:
    """Two kinds of passage, mixed: all of the better kind come first, each kind in the corpus's order."""
    passages = corpus(*["Mira paints.", "Joss paints.", "Joss paints."] * 40)
    better, other = passages[::3], [passage for passage in passages if "Joss" in passage.text]

    assert CorpusIndex(passages).search("Mira paints", k=100) == [*better, *other][:100]


def test_the_order_does_not_depend_on_the_process() -> None:
    """Sets of strings are walked in an order that differs between processes; no score may depend on it."""
    code = """
from flyball.tools.corpus_index import CorpusIndex
from flyball.tools.passages import Passage
words = ["amber", "birch", "cedar", "delta", "ember", "frost", "grove"]
texts = [" ".join(words[(i * j) % 7] for j in range(1, 6)) for i in range(60)]
index = CorpusIndex([Passage(str(i), "", text) for i, text in enumerate(texts)])
print([passage.id for passage in index.search("frost amber grove delta", 60)])
"""
    runs = [
        subprocess.run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
            timeout=60,
        )
        for seed in ("1", "2")
    ]
    assert runs[0].stdout == runs[1].stdout
    assert len(runs[0].stdout) > 60


# -- nothing to find, and mistakes ------------------------------------------------------------------------------------


@pytest.mark.parametrize("query", ["", " \n", "?!", "of the"])
def test_a_query_without_words_finds_nothing(query: str) -> None:
    assert CorpusIndex(TOWN).search(query) == []


@pytest.mark.parametrize("passages", [[], corpus("", "?!", "the")], ids=["no passages", "no words"])
def test_an_empty_corpus_gives_nothing(passages: list[Passage]) -> None:
    assert CorpusIndex(passages).search("Mira") == []


def test_a_passage_without_words_does_no_harm() -> None:
    assert found(CorpusIndex(corpus("", "Mira", "?!")), "Mira") == ["p1"]


def test_k_is_the_most_that_is_returned() -> None:
    index = CorpusIndex(TOWN)
    assert len(index.search("painter")) == 3
    assert found(index, "painter", k=1) == found(index, "painter")[:1]
    assert len(index.search("Ostrel", k=100)) == 3


@pytest.mark.parametrize("k", [0, -1])
def test_asking_for_no_passages_is_a_mistake(k: int) -> None:
    with pytest.raises(ValueError, match="at least 1"):
        CorpusIndex(TOWN).search("Mira", k)


# -- beside others ----------------------------------------------------------------------------------------------------


def test_threads_may_search_at_once() -> None:
    index = CorpusIndex(TOWN)
    queries = ["lighthouses", "Joss Velk", "Mira Tarn", "Hadrun hills"] * 50
    alone = [index.search(query) for query in queries]

    with ThreadPoolExecutor(4) as pool:
        together = list(pool.map(index.search, queries))

    assert together == alone


def test_building_an_index_neither_logs_nor_prints(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    with caplog.at_level(logging.DEBUG):
        CorpusIndex(TOWN).search("Mira")

    assert caplog.records == []
    assert capfd.readouterr() == ("", "")


def test_the_search_library_is_loaded_only_for_an_index() -> None:
    code = "import sys, flyball.tools.corpus_index; print({'bm25s', 'numba', 'numpy'} & set(sys.modules))"
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60)
    assert ran.stdout == "set()\n"
