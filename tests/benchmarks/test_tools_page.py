"""The page of tools' figures: goals are judged by the figures, and every set shows its command and table."""

from typing import Any

from benchmarks.tools.page import render


def arms(**accuracy: float) -> dict[str, Any]:
    named = [{"arm": name.replace("_", " "), "accuracy": value} for name, value in accuracy.items()]
    return {"command": "flyball eval …", "table": "| the table |", "summary": {"arms": named}}


def page(search: float, start_ms: float) -> str:
    big = arms(plain=0.1)
    big["summary"]["arms"] += [
        {"arm": "hint, Python run in the thinking", "accuracy": 0.95},
        {"arm": "hint, Python declared", "accuracy": 0.94},
    ]
    mixed = arms(plain=0.4)
    mixed["summary"]["arms"].append({"arm": "all tools, a hint where it calculates", "accuracy": 0.9})
    sets = {"big": big, "two_hop": arms(search=search), "mixed": mixed}
    sandbox = {
        "create_p50_ms": start_ms,
        "warm_cell_p50_ms": 0.1,
        "fresh_per_minute_8_at_once": 8000,
        "idle_mib_at_500_live": 7,
        "left_after_sigkill": 0,
    }
    retrieval = {"tools": 20000, "arms": [{"p50_ms": 1.0}]}
    return render({"machine": {"cores": "2"}, "sets": sets}, retrieval, {"results": {"Flyball, tier A": sandbox}})


def verdict(text: str, row: str) -> str:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {row}")]
    return line.split("|")[-2].strip()


def test_a_goal_is_met_from_its_bound_on() -> None:
    text = page(search=0.85, start_ms=10)

    assert verdict(text, "Facts over two hops, search") == "met"
    assert verdict(text, "start of a sandbox session") == "met"
    assert verdict(text, "Long numbers, hint, Python run in the thinking") == "met"
    assert verdict(text, "fresh sessions a minute") == "met"


def test_a_goal_that_is_missed_says_so() -> None:
    text = page(search=0.849, start_ms=10.1)

    assert verdict(text, "Facts over two hops, search") == "**not met**"
    assert verdict(text, "start of a sandbox session") == "**not met**"
    assert verdict(text, "Long numbers, hint, Python declared") == "**not met**"
    assert verdict(text, "idle session") == "**not met**"
    assert verdict(text, "a query among 20,000 tools") == "**not met**"


def test_every_set_shows_its_command_and_its_table() -> None:
    text = page(search=1, start_ms=1)

    assert text.count("`flyball eval …`") == text.count("| the table |") == 3
