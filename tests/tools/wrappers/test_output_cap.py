"""Long results are cut in the middle and say so."""

from __future__ import annotations

from flyball.tools.cutting import cut_middle
from flyball.tools.result import Image, Result, Status
from flyball.tools.wrappers.output_cap import OutputCap

from ..doubles import Probe, context


def test_the_middle_of_a_long_text_is_cut_out_and_counted() -> None:
    assert cut_middle("abcdefghij", 4) == "ab\n[... 6 characters cut out ...]\nij"
    assert cut_middle("abcdefghij", 5) == "abc\n[... 5 characters cut out ...]\nij"
    assert cut_middle("abcdefghij", 10) == "abcdefghij"
    assert cut_middle("abc", 1) == "a\n[... 2 characters cut out ...]\n"


async def test_a_long_result_is_cut_and_its_json_left_out() -> None:
    long = Result(Status.OK, "[" + "1," * 500 + "1]", structured=[1] * 501)
    result = await OutputCap(Probe(lambda _: long), characters=100).call({}, context())
    assert len(result.text) < 150
    assert "903 characters cut out" in result.text
    assert result.structured is None


async def test_a_short_result_is_left_as_it_is() -> None:
    short = Result(Status.OK, "[1]", (Image("image/png", b"x"),), structured=[1])
    assert await OutputCap(Probe(lambda _: short)).call({}, context()) == short


async def test_pictures_beyond_the_limit_are_left_out_and_said_so() -> None:
    images = tuple(Image("image/png", bytes(size)) for size in (60, 60, 30))
    result = await OutputCap(Probe(lambda _: Result(Status.OK, "", images)), image_bytes=100).call({}, context())
    assert [len(image.data) for image in result.images] == [60, 30]
    assert result.text == "\n[1 of 3 pictures left out: too large]"
