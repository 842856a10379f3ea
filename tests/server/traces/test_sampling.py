"""Which share of episodes is kept is drawn from their ids."""

from __future__ import annotations

import pytest

from flyball.server.traces.sampling import sampled

IDS = [f"chatcmpl-{number}" for number in range(4000)]


def kept(rate: float) -> set[str]:
    return {id for id in IDS if sampled(id, rate)}


def test_the_share_is_the_rate() -> None:
    assert len(kept(0.25)) / len(IDS) == pytest.approx(0.25, abs=0.03)
    assert kept(0) == set()
    assert kept(1) == set(IDS)


def test_a_larger_rate_keeps_what_a_smaller_one_kept() -> None:
    assert kept(0.1) < kept(0.3) < kept(0.9)


def test_replicas_agree() -> None:
    """Nothing but the id has a part in the draw: these are kept on every machine, in every run."""
    assert kept(0.001) == {"chatcmpl-425", "chatcmpl-3312", "chatcmpl-3568"}
