"""Prices, decisions and errors: small values that other layers rely on."""

import msgspec
import pytest

from flyball.core import errors
from flyball.core.decision import Decision
from flyball.core.errors import FlyballError, RequestError
from flyball.core.model import Price


@pytest.mark.parametrize(
    ("price", "prompt", "output", "cached", "usd"),
    [
        (Price(input=0.5, output=2.0), 1_000_000, 0, 0, 0.5),
        (Price(input=0.5, output=2.0), 0, 1_000_000, 0, 2.0),
        (Price(input=0.5, output=2.0), 1_000_000, 0, 1_000_000, 0.5),
        (Price(input=0.5, cached_input=0.1, output=2.0), 1_000_000, 0, 400_000, 0.34),
        (Price(), 10**9, 10**9, 0, 0.0),
    ],
)
def test_a_price_is_per_million_tokens(price: Price, prompt: int, output: int, cached: int, usd: float) -> None:
    assert price.usd(prompt, output, cached) == pytest.approx(usd)


def test_a_decision_is_stored_with_the_probability_of_what_was_chosen() -> None:
    decision = Decision(
        kind="tools", policy="uniform", candidates=("a", "b", "c"), chosen=("a", "b"), probability=1 / 3, position=7
    )
    assert msgspec.json.decode(msgspec.json.encode(decision), type=Decision) == decision


def test_every_error_of_ours_is_caught_by_one_class() -> None:
    ours = [value for value in vars(errors).values() if isinstance(value, type) and issubclass(value, Exception)]
    assert len(ours) > 10
    assert all(issubclass(error, FlyballError) for error in ours)


@pytest.mark.parametrize(
    ("error", "param", "code"),
    [
        (errors.ModelNotFound("big", ["small"]), "model", "model_not_found"),
        (errors.ContextOverflow(10, 5), "messages", "context_length_exceeded"),
        (errors.BodyTooLarge(5), None, "request_too_large"),
        (RequestError("no"), None, None),
    ],
)
def test_a_refused_request_names_the_part_that_is_wrong(error: RequestError, param: str, code: str) -> None:
    assert (error.param, error.code) == (param, code)


def test_errors_that_pass_say_when_to_try_again() -> None:
    assert errors.AdmissionError("full").retry_after == 1
    assert errors.Unavailable("restarting").retry_after == 5
    refused = errors.UpstreamError("no", 429, 7)
    assert (refused.status, refused.retry_after) == (429, 7)
