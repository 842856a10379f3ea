"""Names that somebody may have meant."""

from __future__ import annotations

import pytest

from flyball.tools.near import near_names

KNOWN = ["search_files", "search_web", "python", "Weather_Now", "plot"]


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("search_file", ["search_files", "search_web"]),
        ("pyton", ["python"]),
        ("weather_now", ["Weather_Now"]),
        ("files_search", ["search_files", "search_web"]),
        ("zzz", []),
        ("", []),
    ],
)
def test_names_that_share_a_part_or_the_beginning_are_near(name: str, near: list[str]) -> None:
    assert sorted(near_names(name, KNOWN)) == sorted(near)


def test_no_more_names_are_given_than_asked_for() -> None:
    assert len(near_names("tool", [f"tool_{n}" for n in range(10_000)], most=3)) == 3
