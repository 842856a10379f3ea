"""The retrieval benchmark: real callables become tools, sentences become queries, and figures are what they say."""

from benchmarks.tools.callables import corpus, queries
from benchmarks.tools.retrieval import measured, render
from flyball.tools.router.lexical import LexicalIndex


def test_functions_classes_and_methods_become_tools() -> None:
    tools = {entry.spec.name: entry for entry in corpus(["json", "textwrap", "nothing_of_that_name"])}

    assert {"json_dumps", "textwrap_TextWrapper", "textwrap_TextWrapper_wrap", "json_decoder_py_scanstring"} <= set(
        tools
    )
    wrap = tools["textwrap_wrap"]
    assert wrap.spec.description == "Wrap a single paragraph of text, returning a list of wrapped lines."
    assert list(wrap.spec.parameters["properties"])[:2] == ["text", "width"]
    assert wrap.others[0].startswith("Reformat the single paragraph")


def test_queries_are_sentences_that_the_tool_does_not_show() -> None:
    entries = corpus(["textwrap", "json"])
    shown = {entry.spec.name: entry for entry in entries}
    asked = queries(entries, 5)

    assert asked == queries(entries, 5)
    assert len({name for _, name in asked}) == 5
    for query, name in asked:
        assert query in shown[name].others
        assert query != shown[name].spec.description


def test_figures_are_taken_from_what_was_found() -> None:
    """Of four queries one finds its tool first, one third, one seventh, one not at all."""
    places = {"a": ["x"], "b": [*"12x"], "c": [*"123456x"], "d": [*"123"]}
    figures = measured("arm", lambda: places.__getitem__, [(query, "x") for query in places])

    assert figures.recall == {"@1": 0.25, "@5": 0.5, "@10": 0.75}
    assert figures.queries == 4
    assert 0 <= figures.p50_ms <= figures.p99_ms


def test_the_report_shows_every_arm() -> None:
    entries = corpus(["textwrap", "json"])
    index = LexicalIndex(entry.spec for entry in entries)
    figures = measured("ours", lambda: lambda query: [hit.name for hit in index.search(query, 10)], queries(entries, 5))
    arm = {name: getattr(figures, name) for name in figures.__slots__}
    record = {"command": "cmd", "machine": {"cores": "2"}, "versions": {}, "tools": 12345, "arms": [arm]}

    report = render(record)
    assert "12,345 functions" in report
    assert "| ours | " in report
    assert "`cmd`; cores: 2" in report
