from pathlib import Path

from flyball.training.pocket.hashes import freeze, verify


def test_a_frozen_folder_has_no_problems(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1")
    freeze(tmp_path)
    assert verify(tmp_path) == []


def test_every_changed_missing_and_unknown_file_is_named(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / name).write_text("1")
    freeze(tmp_path)
    (tmp_path / "a").write_text("2")
    (tmp_path / "b").unlink()
    (tmp_path / "c").write_text("1")
    assert verify(tmp_path) == ["b is missing", "a has changed", "c does not belong here"]


def test_a_folder_without_sums_is_a_problem(tmp_path: Path) -> None:
    assert len(verify(tmp_path)) == len(verify(tmp_path / "nowhere")) == 1
