"""Arms: what is read, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flyball.core.errors import ConfigError
from flyball.training.evaluate.arms import Arm, check_arms, check_sampling, load_arms, parse_arm


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


TRIMR = Arm("trimr", {"controllers": [{"name": "trimr"}]}, {"temperature": 0.5})


def test_arms_are_read_from_toml_and_json(tmp_path: Path) -> None:
    """Both say the same."""
    toml = write(
        tmp_path / "arms.toml",
        '[[arms]]\nname = "plain"\n'
        '[[arms]]\nname = "trimr"\nflyball.controllers = [{name = "trimr"}]\nsampling = {temperature = 0.5}\n',
    )
    arms = [{"name": "plain"}, {"name": "trimr", "flyball": TRIMR.flyball, "sampling": TRIMR.sampling}]
    as_json = write(tmp_path / "arms.json", json.dumps({"arms": arms}))

    assert load_arms(toml) == load_arms(as_json) == [Arm("plain"), TRIMR]


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.toml", "arms = 3"), ("a.toml", "arms = ["), ("a.json", "{"), ("a.json", '{"arms": [{"name": "a", "n": 2}]}')],
)
def test_an_arms_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str, text: str) -> None:
    """A misspelt field is an error, too: it would silently change what is compared."""
    with pytest.raises(ConfigError, match=name):
        load_arms(write(tmp_path / name, text))


def test_an_arm_is_read_from_the_command_line() -> None:
    """A name alone sends no flyball block; after `=` stands the block, in which `=` may occur."""
    assert parse_arm("plain") == Arm("plain")
    assert parse_arm('x={"strategy": {"name": "a=b"}}') == Arm("x", {"strategy": {"name": "a=b"}})
    with pytest.raises(ConfigError, match="'x'"):
        parse_arm("x=[1]")


@pytest.mark.parametrize(
    "arms",
    [
        [],
        [Arm("a"), Arm("a")],
        [Arm("")],
        [Arm("a", sampling={"n": 2})],
        [Arm("a", sampling={"stream": True})],
        [Arm("a", sampling={"seed": "x"})],
    ],
)
def test_arms_that_cannot_be_compared_are_refused(arms: list[Arm]) -> None:
    """None, twice the same name, or an override of what the harness sets itself."""
    with pytest.raises(ConfigError):
        check_arms(arms)


def test_common_sampling_is_checked_like_that_of_an_arm() -> None:
    """The error says where it stands."""
    check_sampling({"temperature": 0.6, "seed": 3}, "sampling")
    with pytest.raises(ConfigError, match=r"sampling: messages"):
        check_sampling({"messages": []}, "sampling")
