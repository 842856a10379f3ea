"""Calls of the reasoner: both forms, their results, failures and budgets, and research in documents."""

import contextlib
import io
import json
import random
import re
from collections.abc import Iterator
from dataclasses import replace

import pytest
from tokenizers import Tokenizer

from flyball.controllers.formats.hermes import HermesCallParser
from flyball.training.pocket.reasoner import wording
from flyball.training.pocket.reasoner.behaviour import BEHAVIOUR, Behaviour
from flyball.training.pocket.reasoner.calls import SEARCH, Budget, call, draw_budget, output, responses
from flyball.training.pocket.reasoner.curriculum import Curriculum, Mixture
from flyball.training.pocket.reasoner.lookups import Researcher, draw_mention, passages
from flyball.training.pocket.reasoner.problems import BigProblem, ChainProblem, Problem
from flyball.training.pocket.reasoner.scratch import Piece, Scratch
from flyball.training.pocket.reasoner.solitary import think
from flyball.training.pocket.reasoner.thinking import Thinker
from flyball.training.pocket.reasoner.writer import Writer
from flyball.training.pocket.vocabulary import learn_tokenizer
from flyball.training.pocket.world.big import ask_big, draw_big
from flyball.training.pocket.world.chain import ask_chain, draw_chain
from flyball.training.pocket.world.entities import ATTRIBUTES, ENTITY_KINDS, EntityKind, describe, draw_entity
from flyball.training.pocket.world.lookup import AskedLookup, FreshEncyclopedia, ask_lookup
from flyball.training.pocket.world.question import LOOKUPS, UNKNOWN, Kind, grade

ALONE = replace(BEHAVIOUR, direct=0, soft=0, hint_at_end=0, hint_at_start=0, hint_in_middle=0, cut=0, probe=0)
RELIABLE = replace(ALONE, tool_error=0, not_found=0, wrong_code=0, no_executor=0, budget=0)
LEFT = re.compile(r"<budget>\n([\w ]+) Budget Used: \d+, \1 Budget Remaining: (-?\d+)")
CALLS = re.compile(r"<tool_call>(.*?)</tool_call>", re.DOTALL)
BLOCK = re.compile(r"```python\n(.*?)\n```\n(?:```output\n(.*?)\n```)?", re.DOTALL)


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return learn_tokenizer(300, 0)


def join(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)


def computed(rng: random.Random, behaviour: Behaviour, declared: bool) -> Iterator[tuple[Problem, str]]:
    """Problems that Python computes from the start, with the thinking about each."""
    for steps in [*range(1, 13)] * 8:
        problem: Problem = ChainProblem.of(ask_chain(rng, draw_chain(rng, "train", steps)))
        if steps > 6:
            problem = BigProblem(ask_big(rng, draw_big(rng, "train", rng.randint(3, 6))))
        thinker = Thinker(rng, behaviour, problem, Scratch(), declared)
        thinker.compute()
        yield problem, join(thinker.scratch.pieces)


def research(
    kind: Kind, behaviour: Behaviour = RELIABLE, left: int | None = None, n: int = 100, thinking: bool = True
) -> Iterator[tuple[AskedLookup, list[Piece]]]:
    """Conversations about questions of that kind, with so many searches left where that is limited."""
    rng = random.Random(kind)
    for _ in range(n):
        asked = ask_lookup(rng, FreshEncyclopedia(rng), kind)
        budget = None if left is None else draw_budget(rng, SEARCH, left)
        yield asked, Researcher(rng, behaviour, asked, budget, thinking).write().pieces


def parsed(text: str) -> list[tuple[str, dict[str, str]]]:
    """The calls of one turn, as the project's own parser reads them."""
    parser, names, arguments = HermesCallParser(), list[str](), dict[int, str]()
    for body in CALLS.findall(text):
        deltas = parser.feed(body)
        ended, raw = parser.close()
        assert raw == ""
        for delta in [*deltas, *ended]:
            names += [delta.name] if delta.name else []
            arguments[delta.index] = arguments.get(delta.index, "") + delta.arguments
    return [(name, json.loads(arguments[index])) for index, name in enumerate(names)]


def printed(code: str) -> str:
    """What a program prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        exec(code, {})  # noqa: S102  # a program of our own
    return out.getvalue().strip()


# -- python --------------------------------------------------------------------------------------------------------------


def test_code_in_the_thinking_computes_the_right_answer() -> None:
    for problem, text in computed(random.Random(0), RELIABLE, declared=False):
        ((code, result),) = BLOCK.findall(text)
        assert printed(code) == result == problem.answer


def test_a_declared_python_is_called_in_hermes_form_with_the_same_code() -> None:
    for problem, text in computed(random.Random(1), RELIABLE, declared=True):
        ((name, arguments),) = parsed(text)
        assert (name, list(arguments)) == ("python", ["code"])
        assert printed(arguments["code"]) == problem.answer
        assert f"<tool_response>\n{problem.answer}\n</tool_response>" in text
        assert "\n</think>\n\n<tool_call>" in text


@pytest.mark.parametrize("declared", [False, True])
def test_after_an_error_of_the_tool_the_call_is_repeated_and_its_result_read(declared: bool) -> None:
    for problem, text in computed(random.Random(2), replace(RELIABLE, tool_error=1), declared):
        codes = (
            [arguments["code"] for _, arguments in parsed(text)] if declared else [c for c, _ in BLOCK.findall(text)]
        )
        assert codes == [problem.code] * 2
        assert any(error in text for error in wording.ERRORS)
        assert any(failure in text for failure in wording.FAILURES)
        assert problem.answer in text.rpartition("</tool_response>" if declared else "```output")[2]


def test_code_that_was_wrong_is_written_again() -> None:
    for problem, text in computed(random.Random(3), replace(RELIABLE, wrong_code=1), declared=False):
        (wrong, error), (code, result) = BLOCK.findall(text)
        assert error.startswith("NameError")
        assert wrong != code == problem.code
        assert result == problem.answer
        assert any(repair in text for repair in wording.REPAIRS)


def test_code_that_nothing_runs_is_followed_by_thinking_without_it() -> None:
    for problem, text in computed(random.Random(4), replace(RELIABLE, no_executor=1, lapse=0, slip=0), declared=False):
        ((_, result),) = BLOCK.findall(text)
        assert result == ""
        assert any(phrase in text for phrase in wording.NO_OUTPUT)
        assert "result is" in text
        assert isinstance(problem, BigProblem) or f"result is {problem.answer}" in text


# -- documents -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", LOOKUPS)
def test_research_that_nothing_hinders_finds_the_answer(kind: Kind) -> None:
    for asked, pieces in research(kind):
        searches = parsed(join(pieces))
        assert [arguments["query"] for _, arguments in searches[: len(asked.facts)]] == [f.query for f in asked.facts]
        assert {name for name, _ in searches} == {"search"}
        assert grade(join(pieces), asked.question.answer)


@pytest.mark.parametrize("kind", LOOKUPS)
def test_without_thinking_the_searches_and_the_answer_are_the_same(kind: Kind) -> None:
    for asked, pieces in research(kind, thinking=False, n=50):
        text = join(pieces)
        assert text.count("<think>") == text.count("<think>\n\n</think>\n\n")
        assert [arguments["query"] for _, arguments in parsed(text)] == [fact.query for fact in asked.facts]
        assert grade(text, asked.question.answer)


def test_the_two_facts_of_a_pair_are_searched_for_in_parallel() -> None:
    for asked, pieces in research("pair"):
        first = join(pieces).partition("<|im_end|>")[0]
        assert [arguments["query"] for _, arguments in parsed(first)] == [fact.query for fact in asked.facts]
        assert join(pieces).partition("<|im_start|>assistant")[0].count("<tool_response>") == 2


def test_a_second_search_goes_after_what_the_first_one_brought() -> None:
    for asked, pieces in research("two_hop"):
        before = join(pieces).partition(f'"{asked.facts[1].query}"')[0]
        assert re.search(rf"<tool_response>.*\b{asked.facts[0].value}\b.*</tool_response>", before, re.DOTALL)


def test_passages_stand_among_others_with_similar_names() -> None:
    for asked, pieces in research("one_hop", n=50):
        shown = re.findall(r"^\[\d\] ([\w ]+):", join(pieces), re.MULTILINE)
        assert asked.facts[0].entity.name in shown
        assert len(shown) % 3 == 0


def test_after_an_error_or_passages_on_others_the_search_is_made_again() -> None:
    retried = 0
    for asked, pieces in research("one_hop", replace(RELIABLE, tool_error=0.3, not_found=0.3)):
        queries = [arguments["query"] for _, arguments in parsed(join(pieces))]
        assert queries[0] == asked.facts[0].query
        assert set(queries) <= {asked.facts[0].query, asked.facts[0].entity.name}
        retried += len(queries) > 1 and grade(join(pieces), asked.question.answer)
    assert retried > 30


def test_what_no_passage_says_stays_unknown() -> None:
    for asked, pieces in research("one_hop", replace(RELIABLE, not_found=1), n=30):
        assert len(parsed(join(pieces))) == 2
        assert grade(join(pieces), UNKNOWN)
        assert not grade(join(pieces), asked.question.answer)


# -- budgets -------------------------------------------------------------------------------------------------------------


def test_a_budget_is_counted_down_and_shown_inside_the_last_result() -> None:
    budget = Budget("Search", 1, 3)
    budget.spend(2)
    block = "<budget>\nSearch Budget Used: 3, Search Budget Remaining: 1\n</budget>"
    assert budget.block() == block
    assert responses(["a", "b"], budget).endswith(
        f"<tool_response>\na\n</tool_response>\n<tool_response>\nb\n{block}\n</tool_response><|im_end|>\n<|im_start|>assistant\n"
    )
    assert output("4", budget) == f"```output\n4\n```\n{block}\n"


@pytest.mark.parametrize("kind", LOOKUPS)
def test_with_no_search_left_from_the_start_none_is_made(kind: Kind) -> None:
    for _, pieces in research(kind, ALONE, left=0):
        assert parsed(join(pieces)) == []
        assert grade(join(pieces), UNKNOWN)


@pytest.mark.parametrize("kind", LOOKUPS)
@pytest.mark.parametrize("left", [1, 2, 3, 8])
def test_no_search_is_made_beyond_the_budget(kind: Kind, left: int) -> None:
    for _, pieces in research(kind, replace(ALONE, tool_error=0.3, hint_at_end=1), left=left, n=50):
        shown = [int(number) for _, number in LEFT.findall(join(pieces))]
        assert len(parsed(join(pieces))) <= left
        assert all(number >= 0 for number in shown)
        assert shown == sorted(shown, reverse=True)


def test_a_prompt_that_shows_an_empty_budget_is_answered_at_once(tokenizer: Tokenizer) -> None:
    mixture = replace(Mixture(), sorts=(0.0, 0.0, 0.0, 1.0, 0.0, 0.0))
    writer, rng = Writer(tokenizer, "train", Curriculum.constant(replace(ALONE, budget=1), mixture)), random.Random(0)
    spent = 0
    for prompt, *turn in (writer.pieces(rng) for _ in range(500)):
        if (shown := LEFT.search(prompt.text)) and shown[2] == "0":
            spent += 1
            assert "<tool_call>" not in join(turn)
    assert spent > 20


@pytest.mark.parametrize("declared", [False, True])
def test_with_no_call_of_python_left_none_is_made(tokenizer: Tokenizer, declared: bool) -> None:
    rng, behaviour = random.Random(5), replace(ALONE, own_python=1, budget=1, tool_error=0.4)
    ended = 0
    for _ in range(300):
        problem = BigProblem(ask_big(rng, draw_big(rng, "train", 5)))
        text = join(think(rng, behaviour, tokenizer, problem, declared))
        after = re.split(r"Budget Remaining: 0\b", text, maxsplit=1)[1:]
        ended += len(after)
        assert not any("```python" in rest or "<tool_call>" in rest for rest in after)
    assert ended > 100


def test_with_much_left_a_result_is_sometimes_verified_by_another_call() -> None:
    rng = random.Random(6)
    for declared in (False, True):
        texts = [text for _, text in computed(rng, replace(RELIABLE, budget=1), declared)]
        assert any(phrase in text for text in texts for phrase in wording.SPARE_BUDGET)
    texts = [join(pieces) for _, pieces in research("one_hop", left=8)]
    assert 0.1 < sum(len(parsed(text)) == 2 for text in texts) / len(texts) < 0.7


def test_a_call_is_json_that_keeps_every_character() -> None:
    code = 'print("a\\n")\nx = {"é": 1}'
    assert parsed(call("python", code)) == [("python", {"code": code})]
    assert parsed(call(SEARCH, "Vélamor mayor")) == [("search", {"query": "Vélamor mayor"})]


@pytest.mark.parametrize("kind", ENTITY_KINDS)
def test_a_passage_that_mentions_an_entity_is_about_another(kind: EntityKind) -> None:
    rng = random.Random(6)
    for entity in (draw_entity(rng, kind) for _ in range(50)):
        if other := draw_mention(rng, entity):
            assert other.name != entity.name
            assert entity.name in describe(rng, other)
        else:
            assert not any(a.target == kind for attributes in ATTRIBUTES.values() for a in attributes)


def test_searches_bring_as_many_passages_that_mention_the_name_as_they_are_told() -> None:
    def mentioning(share: float) -> float:
        rng, found = random.Random(7), []
        for _ in range(300):
            fact = ask_lookup(rng, FreshEncyclopedia(rng), "two_hop").facts[1]
            lines = passages(rng, fact, True, share).splitlines()
            own = f"] {fact.entity.name}:"
            found += [fact.entity.name in line for line in lines if own not in line]
        return sum(found) / len(found)

    assert mentioning(0.0) < 0.02
    assert 0.2 < mentioning(0.4) < 0.45
