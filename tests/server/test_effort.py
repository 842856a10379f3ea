"""What `reasoning_effort` does: the model's default meaning of each level, and the presets of an operator."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from flyball.controllers.boundary import TokenWatch
from flyball.controllers.episode import EpisodeSpec
from flyball.controllers.formats.gpt_oss import GPT_OSS
from flyball.controllers.formats.qwen3 import QWEN3
from flyball.core.errors import ConfigError
from flyball.server.config import load_config
from flyball.server.effort import low_budget
from flyball.server.wire.requests import ChatCompletionRequest

from .serving import CONTEXT, Served, asking, serving

CLOSED = "<think>\n\n</think>\n\n"
PRESETS = {
    "few": {"controllers": [{"name": "thinking_budget", "tokens": 2}], "budget": {"tokens": 99}},
    "more": {"controllers": [{"name": "thinking_budget", "tokens": 4}]},
}


@pytest.fixture(scope="module")
def governed() -> Iterator[Served]:
    """A server whose operator says what low, none and high mean."""
    model = {"name": "pocket", "effort": {"low": "few", "none": "more", "high": "few"}}
    with serving(model=model, presets=PRESETS) as served:
        yield served


def thought(body: dict[str, Any]) -> int:
    return int(body["usage"]["completion_tokens_details"]["reasoning_tokens"])


def spec_of(served: Served, **fields: Any) -> EpisodeSpec:
    """What becomes of a request, before anything runs."""
    request = ChatCompletionRequest.model_validate(asking("What is it?", **fields))
    return served.run(served.service.open(request, None)).spec


def budgets(spec: EpisodeSpec) -> list[int]:
    """The tokens of every thinking budget."""
    watches = [watch for named in spec.controllers for watch in named.controller.watches]
    return [watch.n for watch in watches if isinstance(watch, TokenWatch)]


@pytest.mark.parametrize("effort", ["none", "minimal"])
def test_no_effort_is_no_thinking(served: Served, effort: str) -> None:
    (call,) = served.calls_of(served.chat(reasoning_effort=effort))
    assert served.service.format.decode(call.ids).endswith(CLOSED)


def test_low_effort_is_a_thinking_budget(served: Served) -> None:
    (call,) = served.calls_of(served.chat(reasoning_effort="low"))
    assert not served.service.format.decode(call.ids).endswith(CLOSED)
    spec = spec_of(served, reasoning_effort="low")
    assert [named.name for named in spec.controllers] == ["thinking_budget"]
    assert budgets(spec) == [low_budget(CONTEXT)] == [128]


@pytest.mark.parametrize("effort", ["medium", "high", "xhigh", "max"])
def test_more_effort_adds_nothing(served: Served, effort: str) -> None:
    assert spec_of(served, reasoning_effort=effort).controllers == ()


@pytest.mark.parametrize(
    ("controllers", "names"),
    [
        ([{"name": "thinking_budget", "tokens": 9}], ["thinking_budget"]),
        ([{"name": "adaptive_think", "mode": "think"}], ["adaptive_think"]),
        ([{"name": "hint_infer"}], ["hint_infer", "thinking_budget"]),
    ],
)
def test_what_the_request_says_of_its_thinking_wins(
    served: Served, controllers: list[dict[str, Any]], names: list[str]
) -> None:
    spec = spec_of(served, reasoning_effort="low", flyball={"controllers": controllers})
    assert [named.name for named in spec.controllers] == names


def test_vllms_budget_wins_over_low_effort(served: Served) -> None:
    spec = spec_of(served, reasoning_effort="low", thinking_token_budget=7)
    assert budgets(spec) == [7]


def test_a_controller_wins_over_no_effort(served: Served) -> None:
    body = served.chat(reasoning_effort="none", flyball={"controllers": [{"name": "adaptive_think", "mode": "think"}]})
    assert thought(body) > 0


def test_effort_that_a_family_reads_is_its_templates() -> None:
    assert (GPT_OSS.reads_effort, QWEN3.reads_effort) == (True, False)


# -- presets ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("effort", "tokens"), [("low", 2), ("none", 4), ("high", 2)])
def test_a_level_is_the_preset_that_the_operator_names(governed: Served, effort: str, tokens: int) -> None:
    assert thought(governed.chat(reasoning_effort=effort)) == tokens


def test_a_level_that_the_operator_does_not_name_means_what_it_does_by_default(governed: Served) -> None:
    assert thought(governed.chat(reasoning_effort="minimal")) == 0
    assert thought(governed.chat(reasoning_effort="medium")) == thought(governed.chat())


def test_the_requests_own_block_and_its_preset_win_over_the_effort(governed: Served) -> None:
    own = {"controllers": [{"name": "thinking_budget", "tokens": 3}]}
    body = governed.chat(reasoning_effort="low", flyball=own)
    assert thought(body) == 3
    assert body["flyball"]["ledger"]["tokens"]["limit"] == 99
    assert thought(governed.chat(model="pocket:more", reasoning_effort="low")) == 4


def test_a_preset_that_is_not_there_is_found_while_loading() -> None:
    with pytest.raises(ConfigError, match=r"model\.effort\.low: there is no preset 'gone'"):
        load_config(None, {"model": {"effort": {"low": "gone"}}})


@pytest.mark.parametrize(("context", "tokens"), [(4096, 512), (32768, 1024), (131072, 1024)])
def test_low_is_an_eighth_of_the_context_at_most_a_thousand_and_twenty_four(context: int, tokens: int) -> None:
    assert low_budget(context) == tokens
