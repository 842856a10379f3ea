"""POST /v1/flyball/feedback: a client rates answers of its own, and of no one else's."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from flyball.server import tracing
from flyball.server.traces.reader import TraceReader
from flyball.server.traces.records import Feedback

from .serving import CHAT, PATIENCE, Served, asking, error_of, serving

FEEDBACK = "/v1/flyball/feedback"
KEYS = ["sk-one-secret", "sk-two-secret"]


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("feedback") / "traces.sqlite"


@pytest.fixture(scope="module")
def kept(path: Path) -> Iterator[Served]:
    """A server with two clients and a trace store."""
    with serving(traces={"url": f"sqlite:///{path}"}, server={"api_keys": KEYS}) as served:
        yield served


def post(served: Served, path: str, body: dict[str, Any], key: str = KEYS[0]) -> httpx.Response:
    return served.http.post(path, json=body, headers={"authorization": f"Bearer {key}"})


def answered(served: Served, key: str = KEYS[0]) -> str:
    """The trace id of an answer that this client has just got."""
    response = post(served, CHAT, asking("What is it?"), key)
    trace_id: str = response.json()["flyball"]["trace_id"]
    assert trace_id == response.headers["x-flyball-trace"]
    return trace_id


def rate(served: Served, trace_id: str, key: str = KEYS[0], **words: Any) -> httpx.Response:
    return post(served, FEEDBACK, {"trace_id": trace_id, **words}, key)


def stored(path: Path, trace_id: str) -> list[tuple[str, float | None, str | None, str | None]]:
    with TraceReader(f"sqlite:///{path}") as reader:
        record = reader.episode(trace_id)
    assert record is not None
    return [(each.by, each.score, each.label, each.comment) for each in record.feedback]


def test_a_client_rates_its_answer_at_once(kept: Served, path: Path) -> None:
    """Also while the episode may still wait to be written: the rating waits behind it."""
    trace_id = answered(kept)
    response = rate(kept, trace_id, score=0.5, label="good", comment="it “helped”", by="ann")

    assert response.status_code == 200
    assert response.json() == {"trace_id": trace_id, "by": "ann", "stored": True}
    assert stored(path, trace_id) == [("ann", 0.5, "good", "it “helped”")]


def test_the_last_word_of_each_counts_once(kept: Served, path: Path) -> None:
    trace_id = answered(kept)
    for _ in range(2):
        assert rate(kept, trace_id, score=1, comment="first").status_code == 200
    rate(kept, trace_id, score=0, by="ben")
    rate(kept, trace_id, label="bad")

    assert sorted(stored(path, trace_id)) == [("", None, "bad", None), ("ben", 0.0, None, None)]


def test_another_clients_trace_is_as_unknown_as_one_that_does_not_exist(kept: Served, path: Path) -> None:
    """Both answers are the same but for the id that the client itself named."""
    mine = answered(kept)
    theirs, nobodys = rate(kept, mine, KEYS[1], score=1), rate(kept, mine[:-4] + "0000", KEYS[1], score=1)

    assert theirs.status_code == nobodys.status_code == 404
    assert error_of(theirs)["code"] == "trace_not_found"
    assert theirs.text.replace(mine, "ID") == nobodys.text.replace(mine[:-4] + "0000", "ID")
    assert stored(path, mine) == []


def test_the_owner_is_the_same_after_a_restart(kept: Served, path: Path) -> None:
    """And for every replica: what stands for a key depends on the store only."""
    trace_id = answered(kept)
    assert rate(kept, trace_id, score=1).status_code == 200
    with serving(traces={"url": f"sqlite:///{path}"}, server={"api_keys": KEYS}) as other:
        assert rate(other, trace_id, KEYS[1], score=3).status_code == 404
        assert rate(other, trace_id, score=2).status_code == 200

    assert stored(path, trace_id) == [("", 2.0, None, None)]


def test_no_key_is_in_the_store(kept: Served, path: Path) -> None:
    """Not in a message, not beside a rating, not in the file's free pages."""
    question = f"My key is {KEYS[0]}; api_key={KEYS[1]}."
    body = asking(question, api_key=KEYS[0], metadata={"key": KEYS[0]}, user=KEYS[0], stop=[KEYS[1]])
    trace_id = post(kept, CHAT, body).json()["id"]
    rate(kept, trace_id, label="good", comment=f"with {KEYS[0]}", by=f"me {KEYS[1]}")

    assert stored(path, trace_id) == [("me [key]", None, "good", "with [key]")]
    files = list(path.parent.iterdir())
    assert [file for file in files for key in KEYS if key.encode() in file.read_bytes()] == []
    with TraceReader(f"sqlite:///{path}") as reader:
        record = reader.episode(trace_id)
    assert record is not None and record.messages[0]["content"] == "My key is [key]; api_key=[key]."


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ({"score": 1}, "trace_id"),
        ({"trace_id": "x"}, None),
        ({"trace_id": "x", "score": "much"}, "score"),
        ({"trace_id": "x", "score": 1, "coment": "typo"}, "coment"),
        ({"trace_id": "x", "label": "l" * 65}, "label"),
        ({"trace_id": "", "label": "good"}, "trace_id"),
    ],
)
def test_feedback_that_says_nothing_is_refused(kept: Served, body: dict[str, Any], param: str | None) -> None:
    response = post(kept, FEEDBACK, body)

    assert response.status_code == 400
    assert error_of(response)["param"] == param


def test_odd_text_is_kept_as_far_as_a_database_can(kept: Served, path: Path) -> None:
    trace_id = answered(kept)
    rate(kept, trace_id, label="a\x00b", comment="\x1b[31m<b>")

    assert stored(path, trace_id) == [("", None, "a\ufffdb", "\x1b[31m<b>")]
    assert rate(kept, "\x00", score=1).status_code == 404


def test_a_server_without_a_store_knows_no_trace(served: Served) -> None:
    response = served.post(FEEDBACK, {"trace_id": "x", "score": 1})

    assert response.status_code == 404
    assert error_of(response)["code"] == "trace_not_found"


def test_feedback_says_so_when_the_store_takes_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A locked store: 503 after a bounded wait, and the server still serves."""
    monkeypatch.setattr(tracing, "FEEDBACK_SECONDS", 0.2)
    path = tmp_path / "traces.sqlite"
    with serving(traces={"url": f"sqlite:///{path}"}) as served:
        trace_id = served.chat()["id"]
        with closing(sqlite3.connect(path, isolation_level=None)) as holder:
            holder.execute("BEGIN IMMEDIATE").close()
            response = served.post(FEEDBACK, {"trace_id": trace_id, "score": 1})
            assert response.status_code == 503
            assert int(response.headers["retry-after"]) > 0
            assert served.chat()["choices"]
            holder.execute("ROLLBACK").close()
        monkeypatch.setattr(tracing, "FEEDBACK_SECONDS", PATIENCE)
        assert served.post(FEEDBACK, {"trace_id": trace_id, "score": 1}).status_code == 200


def test_a_rating_is_read_with_its_time(kept: Served, path: Path) -> None:
    trace_id = answered(kept)
    rate(kept, trace_id, score=1)

    with TraceReader(f"sqlite:///{path}") as reader:
        record = reader.episode(trace_id)
    assert record is not None
    (given,) = record.feedback
    assert isinstance(given, Feedback) and given.created >= record.created
