"""The world: its questions, who owns them, how they are graded, and the documents that answer them."""

import hashlib
import json
import operator
import random
import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from flyball.tools.corpus_index import CorpusIndex
from flyball.tools.passages import load_passages
from flyball.training.pocket.world.big import Big, ask_big, draw_big
from flyball.training.pocket.world.chain import Chain, Operation, ask_chain, draw_chain
from flyball.training.pocket.world.documents import documents, encyclopedia, write_documents
from flyball.training.pocket.world.entities import ATTRIBUTES, ENTITY_KINDS
from flyball.training.pocket.world.lookup import AskedLookup, Fact, FreshEncyclopedia, ask_lookup
from flyball.training.pocket.world.question import KINDS, LOOKUPS, Kind, Question, Split, boxed, grade
from flyball.training.pocket.world.sets import DIFFICULTIES, SETS, draw_question, questions

SPLITS: tuple[Split, ...] = ("train", "validation", "test")
CHAIN = Chain(7, (Operation("+", 5), Operation("*", 3), Operation("-", 8)))
NUMBER = re.compile(r"\d+")


def keyed(kind: Kind, split: Split, n: int) -> dict[str, str]:
    """The canonical form of each text, of `n` questions of one kind and split."""
    rng = random.Random(f"{kind}/{split}")
    found: dict[str, str] = {}
    while len(found) < n:
        if kind == "chain":
            chain = draw_chain(rng, split, rng.choice(DIFFICULTIES[kind]))
            found[ask_chain(rng, chain).question.text] = chain.key
        elif kind == "big":
            big = draw_big(rng, split, rng.choice(DIFFICULTIES[kind]))
            found[ask_big(rng, big).question.text] = big.expression
        elif (asked := ask_lookup(rng, encyclopedia(), kind)).split == split:
            found[asked.question.text] = asked.key
    return found


def lookups(kind: Kind, n: int = 300) -> list[AskedLookup]:
    """Questions about the documents."""
    rng = random.Random(kind)
    return [ask_lookup(rng, encyclopedia(), kind) for _ in range(n)]


# -- the kinds -----------------------------------------------------------------------------------------------------------


def test_a_chain_keeps_the_last_digit_after_every_step() -> None:
    assert (CHAIN.values, CHAIN.answer, CHAIN.key) == ((7, 2, 6, 8), 8, "7+5*3-8")


def test_paraphrases_of_a_chain_are_one_question() -> None:
    rng = random.Random(0)
    asked = [ask_chain(rng, CHAIN) for _ in range(50)]
    assert len({a.question.text for a in asked}) > 40
    assert {a.chain.split for a in asked} == {CHAIN.split}
    assert {(a.question.answer, a.question.difficulty) for a in asked} == {("8", 3)}


def test_every_clause_of_a_chain_stands_in_its_question() -> None:
    rng = random.Random(0)
    for steps in DIFFICULTIES["chain"] * 20:
        asked = ask_chain(rng, draw_chain(rng, "train", steps))
        assert len(asked.clauses) == steps == asked.question.difficulty
        assert all(clause in asked.question.text for clause in asked.clauses)


def test_a_big_question_asks_for_the_exact_value_of_its_expression() -> None:
    assert Big("product_sum", (4821, 397, 55210)).answer == 1969147
    rng = random.Random(0)
    for digits in DIFFICULTIES["big"] * 50:
        asked = ask_big(rng, draw_big(rng, "train", digits))
        assert asked.question.answer == str(eval(asked.big.expression))
        assert [int(number) for number in NUMBER.findall(asked.question.text)] == list(asked.big.numbers)


@pytest.mark.parametrize("kind", ["one_hop", "two_hop"])
def test_the_answer_of_a_hop_stands_in_the_passage_of_its_last_fact(kind: Kind) -> None:
    texts = {passage.title: passage.text for passage in documents()}
    for asked in lookups(kind):
        fact = asked.facts[-1]
        assert asked.question.answer == fact.value
        assert re.search(rf"\b{fact.value}\b", texts[fact.entity.name])
        assert asked.facts[0].entity.name in asked.question.text


def test_a_second_hop_asks_about_the_entity_that_the_first_one_names() -> None:
    for asked in lookups("two_hop"):
        first, second = asked.facts
        assert second.entity == encyclopedia().named[first.value]
        assert first.value not in asked.question.text


@pytest.mark.parametrize("kind", ["lookup_chain", "pair"])
def test_arithmetic_after_a_lookup_starts_from_the_facts(kind: Kind) -> None:
    apply: dict[str, Callable[[int, int], int]] = {"+": operator.add, "-": operator.sub, "*": operator.mul}
    for asked in lookups(kind):
        value, *others = (int(fact.value) for fact in asked.facts)
        for sign, digit in [("+", other) for other in others] + [(o.operator, o.digit) for o in asked.operations]:
            value = apply[sign](value, digit) % 10
        assert asked.question.answer == str(value)
        assert all(fact.entity.name in asked.question.text for fact in asked.facts)


def test_a_kind_that_needs_no_documents_is_no_lookup() -> None:
    with pytest.raises(ValueError, match="chain needs no documents"):
        ask_lookup(random.Random(0), encyclopedia(), "chain")


@pytest.mark.parametrize(("kind", "difficulty"), [(kind, d) for kind in KINDS for d in DIFFICULTIES[kind]])
def test_a_question_is_as_difficult_as_it_was_drawn(kind: Kind, difficulty: int) -> None:
    rng = random.Random(0)
    drawn = [draw_question(rng, kind, "test", difficulty) for _ in range(20)]
    assert {(question.kind, question.difficulty) for question in drawn} == {(kind, difficulty)}
    if kind == "big":
        assert {max(map(len, NUMBER.findall(question.text))) for question in drawn} == {difficulty}


# -- the grader ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "answer", "right"),
    [
        (r"The answer is \boxed{4}.", "4", True),
        (r"\boxed{3} no, \boxed{ 4 }", "4", True),
        (r"\boxed{4} no, \boxed{3}", "4", False),
        (r"\boxed{14}", "4", False),
        (r"\boxed{4.0}", "4", False),
        (r"\boxed{04}", "4", False),
        (r"\boxed{Velamor}", "Velamor", True),
        (r"\boxed{velamor}", "Velamor", False),
        (r"\boxed{Mira Tarn}", "Mira Tarn", True),
        (r"\boxed{", "", False),
        ("4", "4", False),
        ("", "4", False),
    ],
)
def test_the_last_box_is_graded_exactly(text: str, answer: str, right: bool) -> None:
    assert grade(text, answer) is right


def test_no_box_is_not_an_empty_box() -> None:
    assert (boxed("4"), boxed(r"\boxed{}")) == (None, "")


# -- splits and sets -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_splits_share_neither_a_canonical_form_nor_a_text(kind: Kind) -> None:
    drawn = [keyed(kind, split, 300) for split in SPLITS]
    assert len(set().union(*(d.values() for d in drawn))) == sum(len(set(d.values())) for d in drawn)
    assert len(set().union(*drawn)) == 900


@pytest.mark.parametrize("name", SETS)
def test_no_set_has_a_text_in_two_splits(name: str) -> None:
    texts = [question.text for split in SPLITS for question in questions(name, split, 300)]
    assert len(set(texts)) == 900


def test_the_mixed_set_has_its_shares() -> None:
    kinds = Counter(question.kind for question in questions("mixed", "test", 2000))
    shares = {kind: count / 2000 for kind, count in kinds.items()}
    assert shares == pytest.approx({"chain": 0.4, "big": 0.3, "one_hop": 0.2, "two_hop": 0.1}, abs=0.04)


def test_the_easy_heavy_set_is_mostly_short_chains_and_else_long_ones() -> None:
    drawn = questions("easy_heavy", "test", 2000)
    assert {question.kind for question in drawn} == {"chain"}
    assert {question.difficulty for question in drawn} == {1, 2, *range(6, 13)}
    assert sum(question.difficulty <= 2 for question in drawn) / 2000 == pytest.approx(0.85, abs=0.03)


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_is_a_set_of_its_own_with_all_its_difficulties(kind: Kind) -> None:
    drawn = questions(kind, "test", 200)
    assert {(q.kind, q.difficulty) for q in drawn} == {(kind, difficulty) for difficulty in DIFFICULTIES[kind]}


@pytest.mark.parametrize("name", ["mixed", *LOOKUPS])
def test_questions_are_reproducible_by_seed_and_never_repeat_a_text(name: str) -> None:
    drawn = questions(name, "test", 200, seed=3)
    assert drawn == questions(name, "test", 200, seed=3)
    assert drawn[:50] == questions(name, "test", 50, seed=3)
    assert drawn != questions(name, "test", 200, seed=4)
    assert len({q.text for q in drawn}) == len({q.id for q in drawn}) == 200


def test_a_thousand_held_out_questions_exist_of_every_kind() -> None:
    assert all(len(questions(kind, "test", 1000)) == 1000 for kind in KINDS)


def test_chosen_difficulties_replace_those_of_the_set() -> None:
    assert {question.difficulty for question in questions("chain", "test", 50, difficulties=(4, 9))} == {4, 9}


@pytest.mark.parametrize(
    ("name", "difficulties", "message"),
    [
        ("hard", (), "there is no set 'hard'; there are mixed, easy_heavy, chain"),
        ("chain", (13,), "chain has no difficulty 13, only"),
        ("mixed", (1,), "big has no difficulty 1, only"),
        ("two_hop", (1,), "two_hop has no difficulty 1, only"),
    ],
)
def test_what_a_set_does_not_have_is_refused(name: str, difficulties: tuple[int, ...], message: str) -> None:
    with pytest.raises(ValueError, match=re.escape(message)):
        questions(name, "test", 1, difficulties=difficulties)


# -- the documents -------------------------------------------------------------------------------------------------------


def test_the_documents_are_several_hundred_passages_on_one_entity_each() -> None:
    passages = documents()
    assert passages == documents()
    assert len({p.id for p in passages}) == len({p.title for p in passages}) == len(passages) == 720
    assert {p.title for p in passages} == set(encyclopedia().named)


def test_a_passage_states_every_fact_of_its_entity() -> None:
    for passage in documents():
        entity = encyclopedia().named[passage.title]
        assert passage.text.startswith(f"{entity.name} is a")
        assert all(re.search(rf"\b{value}\b", passage.text) for value in entity.values.values())


def test_every_entity_has_others_of_its_kind_with_similar_names() -> None:
    starts = Counter((e.kind, e.name[:2]) for e in encyclopedia().entities)
    assert {kind for kind, _ in starts} == set(ENTITY_KINDS)
    assert min(starts.values()) >= 3


def test_every_fact_is_found_among_the_first_three_passages() -> None:
    index = CorpusIndex(documents())
    facts = [Fact(entity, a) for entity in encyclopedia().entities for a in ATTRIBUTES[entity.kind]]
    missed = [f.query for f in facts if f.entity.name not in {p.title for p in index.search(f.query, k=3)}]
    assert missed == []


@pytest.mark.parametrize("kind", LOOKUPS)
def test_the_passages_of_every_lookup_are_found_by_its_queries_and_by_the_names_alone(kind: Kind) -> None:
    index = CorpusIndex(documents())
    for fact in (fact for asked in lookups(kind) for fact in asked.facts):
        for query in (fact.query, fact.entity.name):
            assert fact.entity.name in {passage.title for passage in index.search(query, k=3)}


def test_training_invents_its_entities_and_so_tells_nothing_of_the_documents() -> None:
    rng, named = random.Random(0), encyclopedia().named
    facts = [fact for _ in range(4000) for fact in ask_lookup(rng, FreshEncyclopedia(rng), "two_hop").facts]
    same = [fact for fact in facts if fact.entity.name in named and named[fact.entity.name].kind == fact.entity.kind]
    told = [fact for fact in same if named[fact.entity.name].values.get(fact.attribute.name) == fact.value]
    assert len(same) / len(facts) < 0.02
    assert len(told) / len(facts) < 0.001


def test_the_corpus_file_holds_the_documents(tmp_path: Path) -> None:
    write_documents(tmp_path / "world")
    assert load_passages(tmp_path / "world" / "corpus.jsonl") == documents()


def test_the_world_is_frozen() -> None:
    """Ours: a change of the wording or of the draw is a new world version, never a quiet change of this one."""
    drawn: list[Question] = [q for name in SETS for split in SPLITS for q in questions(name, split, 50)]
    rows = [*((q.kind, q.text, q.answer, q.difficulty) for q in drawn), *((p.id, p.title, p.text) for p in documents())]
    digest = hashlib.sha256(json.dumps(rows).encode()).hexdigest()
    assert digest == "9a027a80e1de8d8481811a6a0c8d2d55c684cf4fc64971b80d32273773919168"
