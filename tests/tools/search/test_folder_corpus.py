"""A folder of files: what is read, what is kept on disk, and how it follows changes."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from flyball.core.errors import ConfigError
from flyball.tools.search import updating
from flyball.tools.search.config import SearchConfig
from flyball.tools.search.corpus import FolderCorpus
from flyball.tools.search.files import Found
from flyball.tools.search.reading import FilePassage, passages_of

from ..documents import files

LONG_AGO = 1_600_000_000


def write(path: Path, data: str | bytes, age: int = LONG_AGO) -> None:
    """In one step, as nobody who reads at the same time may see half of it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.parent.parent / f".{path.name}.new"
    new.write_bytes(data.encode() if isinstance(data, str) else data)
    os.utime(new, (age, age))
    new.replace(path)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One file of each kind."""
    root = tmp_path / "docs"
    write(root / "notes.txt", "Mira Tarn was born in Ostrel.")
    write(root / "guide" / "setup.md", "# Install\nRun make.\n\n## Linux\nNeeds a kernel with Landlock.")
    write(root / "page.html", "<h1>Harbour</h1><p>Two lighthouses stand there.</p>")
    write(root / "paper.pdf", files.pdf("Nothing here.", "The governor regulates an engine."))
    write(root / "facts.jsonl", '{"id": "p7", "title": "Velk", "text": "Joss Velk paints."}\n\n{"text": "Hills."}\n')
    return root


def corpus(root: Path, **settings: object) -> FolderCorpus:
    index = root.parent / "index"
    return FolderCorpus(root, SearchConfig.model_validate({"path": root, "index": index, **settings}))


def first(of: FolderCorpus, query: str) -> FilePassage:
    found = of.index().search(query, 1)[0]
    assert isinstance(found, FilePassage)
    return found


def ids(of: FolderCorpus, query: str) -> list[str]:
    return [passage.id for passage in of.index().search(query, 10)]


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of files that are split, as it happens."""
    names: list[str] = []
    whole = passages_of

    def noting(file: Found, data: bytes, most: int) -> list[FilePassage]:
        names.append(file.name)
        return whole(file, data, most)

    monkeypatch.setattr(updating, "passages_of", noting)
    return names


# -- what is read -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("query", "passage"),
    [
        ("Tarn", FilePassage("notes.txt#1", "notes.txt", "Mira Tarn was born in Ostrel.", "notes.txt", "")),
        (
            "Landlock",
            FilePassage(
                "guide/setup.md#2",
                "guide/setup.md, Install > Linux",
                "Needs a kernel with Landlock.",
                "guide/setup.md",
                "Install > Linux",
            ),
        ),
        (
            "lighthouse",
            FilePassage("page.html#1", "page.html, Harbour", "Two lighthouses stand there.", "page.html", "Harbour"),
        ),
        (
            "governor",
            FilePassage("paper.pdf#2", "paper.pdf, page 2", "The governor regulates an engine.", "paper.pdf", "page 2"),
        ),
        ("Velk", FilePassage("facts.jsonl#p7", "Velk", "Joss Velk paints.", "facts.jsonl", "line 1")),
        ("hills", FilePassage("facts.jsonl#3", "facts.jsonl", "Hills.", "facts.jsonl", "line 3")),
    ],
)
def test_each_kind_of_file_gives_passages_with_their_source(folder: Path, query: str, passage: FilePassage) -> None:
    assert first(corpus(folder), query) == passage


def test_one_file_is_a_corpus_too(folder: Path) -> None:
    assert ids(corpus(folder / "guide" / "setup.md"), "Landlock") == ["setup.md#2"]


def test_a_long_section_becomes_several_passages(folder: Path) -> None:
    write(folder / "long.txt", "\n\n".join(f"Paragraph {number} speaks of turnips." for number in range(10)))
    found = corpus(folder, passage_characters=100).index().search("turnips", 20)

    assert sorted(passage.id for passage in found) == ["long.txt#1", *(f"long.txt#1.{n}" for n in range(1, 4))]
    assert all(len(passage.text) <= 100 for passage in found)


def test_hidden_large_special_and_unknown_files_are_left_out_and_links_that_lead_outside(folder: Path) -> None:
    write(folder.parent / "outside.txt", "turnips")
    for name in (".hidden.txt", ".git/config.txt", "image.png", "noend"):
        write(folder / name, "turnips")
    write(folder / "large.txt", b"turnips " * 200_000)
    os.mkfifo(folder / "pipe.txt")
    (folder / "link.txt").symlink_to(folder.parent / "outside.txt")
    (folder / "nowhere.txt").symlink_to(folder / "nothing.txt")
    (folder / "inner.txt").symlink_to(folder / "notes.txt")

    assert ids(corpus(folder, max_file_mib=1), "turnips") == []
    assert set(ids(corpus(folder, max_file_mib=1), "Tarn")) == {"notes.txt#1", "inner.txt#1"}


def test_a_file_that_cannot_be_read_is_left_out_with_one_warning(
    folder: Path, read: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    write(folder / "broken.pdf", "no pdf")
    write(folder / "broken.jsonl", '{"text": "fine"}\nnonsense\n')

    assert ids(corpus(folder), "Tarn") == ["notes.txt#1"]
    assert ["broken.jsonl" in caplog.text, "line 2" in caplog.text, "broken.pdf" in caplog.text] == [True] * 3

    caplog.clear()
    read.clear()
    assert ids(corpus(folder), "Tarn") == ["notes.txt#1"]
    assert (caplog.records, read) == ([], [])


def test_a_corpus_without_text_or_without_a_place_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no file or folder"):
        corpus(tmp_path / "nothing")
    write(tmp_path / "docs" / "empty.txt", "")
    with pytest.raises(ConfigError, match=r"nothing in .* can be read"):
        corpus(tmp_path / "docs").index()


# -- changes ----------------------------------------------------------------------------------------------------------


def test_an_index_on_disk_is_used_again_without_reading_a_file(folder: Path, read: list[str]) -> None:
    assert len(corpus(folder).index().search("Tarn")) == 1
    read.clear()

    assert ids(corpus(folder), "Tarn") == ["notes.txt#1"]
    assert read == []


def test_only_new_and_changed_files_are_read_and_removed_ones_are_forgotten(folder: Path, read: list[str]) -> None:
    same = corpus(folder)
    same.index()
    read.clear()

    write(folder / "notes.txt", "Mira Tarn was born in Hadrun.", LONG_AGO + 1)
    write(folder / "new.txt", "Quennel is a river.")
    (folder / "page.html").unlink()

    for followed in (same, corpus(folder)):  # the one that was there, and one that starts from what it left on disk
        assert ids(followed, "Hadrun") == ["notes.txt#1"]
        assert ids(followed, "Quennel") == ["new.txt#1"]
        assert ids(followed, "Ostrel lighthouse") == []
        assert ids(followed, "governor") == ["paper.pdf#2"]
    assert sorted(read) == ["new.txt", "notes.txt"]


def test_a_file_with_another_time_and_the_same_content_is_not_read_again(folder: Path, read: list[str]) -> None:
    corpus(folder).index()
    generation = (folder.parent / "index" / "current").read_text()
    read.clear()
    os.utime(folder / "notes.txt", (LONG_AGO + 5, LONG_AGO + 5))

    assert ids(corpus(folder), "Tarn") == ["notes.txt#1"]
    assert read == []
    assert (folder.parent / "index" / "current").read_text() == generation


def test_a_file_that_changed_within_the_clocks_precision_is_noticed(folder: Path) -> None:
    """Same size and same time as when it was read, a moment ago."""
    now = int(time.time())
    write(folder / "notes.txt", "Mira was born in Ostrel.", now)
    followed = corpus(folder)
    assert ids(followed, "Ostrel") == ["notes.txt#1"]

    write(folder / "notes.txt", "Mira was born in Hadrun.", now)
    assert ids(followed, "Hadrun") == ["notes.txt#1"]


def test_another_length_of_passages_makes_the_index_anew(folder: Path) -> None:
    write(folder / "long.txt", "turnips. " * 40)
    assert len(ids(corpus(folder), "turnips")) == 1
    assert len(ids(corpus(folder, passage_characters=100), "turnips")) > 1


# -- damage and others ------------------------------------------------------------------------------------------------


def damage_scores(index: Path) -> None:
    largest = max((index / (index / "current").read_text() / "scores").iterdir(), key=lambda path: path.stat().st_size)
    data = bytearray(largest.read_bytes())
    data[-1] ^= 1
    largest.write_bytes(data)


def remove_passages(index: Path) -> None:
    (index / (index / "current").read_text() / "passages.jsonl").unlink()


def break_manifest(index: Path) -> None:
    (index / (index / "current").read_text() / "manifest.json").write_text("{")


def age_version(index: Path) -> None:
    manifest = index / (index / "current").read_text() / "manifest.json"
    manifest.write_text(manifest.read_text().replace('"version":1', '"version":0'))


def point_nowhere(index: Path) -> None:
    (index / "current").write_text("../../elsewhere")


@pytest.mark.parametrize("damage", [damage_scores, remove_passages, break_manifest, age_version, point_nowhere])
def test_a_damaged_index_is_made_anew_with_a_warning(
    folder: Path, damage: object, caplog: pytest.LogCaptureFixture
) -> None:
    index = folder.parent / "index"
    corpus(folder).index()
    assert callable(damage)
    damage(index)

    assert ids(corpus(folder), "Tarn") == ["notes.txt#1"]
    assert "damaged and is made anew" in caplog.text

    caplog.clear()
    assert ids(corpus(folder), "Tarn") == ["notes.txt#1"]
    assert caplog.records == []


def test_what_a_writer_that_died_left_behind_is_cleared_away(folder: Path) -> None:
    index = folder.parent / "index"
    write(index / "half-written" / "passages.jsonl", "{")
    corpus(folder).index()

    assert [path.name for path in index.iterdir() if path.is_dir()] == [(index / "current").read_text()]


def test_where_no_index_can_be_written_it_is_kept_in_memory(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    blocked = folder.parent / "file"
    blocked.write_text("")
    followed = corpus(folder, index=blocked / "index")

    assert ids(followed, "Tarn") == ["notes.txt#1"]
    write(folder / "new.txt", "Quennel is a river.")
    assert ids(followed, "Quennel") == ["new.txt#1"]
    assert "cannot be kept on disk" in caplog.text


def test_readers_and_writers_at_once_always_see_a_whole_index(folder: Path) -> None:
    """One thread goes on changing a file, others open the index anew each time, as other processes would."""
    changed = threading.Event()

    def change() -> None:
        for number in range(15):
            write(folder / "notes.txt", f"Mira Tarn, version {number}.", LONG_AGO + number)
            assert len(ids(corpus(folder), "Tarn")) == 1
        changed.set()

    def look() -> int:
        looks = 0
        while not changed.is_set() or looks < 3:
            assert ids(corpus(folder), "Tarn") == ["notes.txt#1"]
            assert ids(corpus(folder), "governor") == ["paper.pdf#2"]
            looks += 1
        return looks

    corpus(folder).index()
    with ThreadPoolExecutor(3) as pool:
        writer, *readers = [pool.submit(change), pool.submit(look), pool.submit(look)]
        writer.result(timeout=60)
        assert all(reader.result(timeout=60) >= 3 for reader in readers)


def test_two_processes_make_one_index(folder: Path) -> None:
    code = f"""
import logging, sys
from pathlib import Path
from flyball.tools.search.config import SearchConfig
from flyball.tools.search.corpus import FolderCorpus
root = Path({str(folder)!r})
config = SearchConfig(path=root, index=root.parent / "index")
print([passage.id for passage in FolderCorpus(root, config).index().search("Tarn")])
"""
    running = [
        subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    outputs = [process.communicate(timeout=60) for process in running]

    assert outputs == [("['notes.txt#1']\n", "")] * 2
    assert len([path for path in (folder.parent / "index").iterdir() if path.is_dir()]) == 1


def test_the_index_is_kept_in_the_users_cache_unless_said_otherwise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    one, two = SearchConfig(path=Path("one")).index_folder(), SearchConfig(path=Path("two")).index_folder()

    assert one.parent == two.parent == tmp_path / "flyball" / "search"
    assert one != two


def test_building_an_index_of_files_logs_nothing(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        corpus(folder).index()
    assert caplog.records == []
