"""What `make bench-pocket-training` adds up."""

import pytest

from benchmarks.pocket_training.report import render
from benchmarks.pocket_training.sampling import rate_of


def test_steps_in_which_torch_compiles_are_counted_once_and_make_nothing_slower() -> None:
    assert list(rate_of([(10, 1.0), (20, 2.0), (10, 31.0)])) == pytest.approx([10, 30])


def test_steps_that_differ_a_little_are_all_counted() -> None:
    assert list(rate_of([(10, 1.0), (20, 3.0), (10, 2.0)])) == pytest.approx([40 / 6, 0])


def test_the_page_adds_up_every_stretch_of_both_models() -> None:
    part = {"begin": 0, "tokens": 3_600_000, "layers": 5, "rate": 1000.0}
    seconds = {"training": 3600.0, "drawing": 600.0, "compiling": 60.0, "saving": 60.0}
    found = {"reasoner": [part | seconds, part | seconds | {"rate": 900.0, "layers": 8}], "verifier": [part | seconds]}
    page = render({"machine": {"cores": "2"}, "every": 20, "steps": 16, "parts": found})

    assert "**Both models: 3.60 hours**" in page
    assert "| reasoner | 8 | 3.6 | 900 (900 to 900) | 60.0 | 10.0 | 1.0 | 1.0 |" in page
