"""Range and Content-Range headers, as clients and attackers send them."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from wharfinger.errors import RangeInvalid, UploadInvalid
from wharfinger.spec import ranges
from wharfinger.spec.ranges import Span

NINES = "9" * 4400
"""More digits than Python converts."""


@pytest.mark.parametrize(
    ("header", "span"),
    [
        ("bytes=0-0", Span(0, 1)),
        ("bytes=0-9", Span(0, 10)),
        ("bytes=2-5", Span(2, 6)),
        ("bytes=2-", Span(2, 10)),
        ("bytes=-3", Span(7, 10)),
        ("bytes=-100", Span(0, 10)),
        ("bytes=5-100", Span(5, 10)),
        ("Bytes=1-2", Span(1, 3)),
        ("bytes= 1-2 ", Span(1, 3)),
        ("bytes=00000000000000000000001-2", Span(1, 3)),
        (f"bytes=5-{'9' * 20}", Span(5, 10)),
        (f"bytes=-{'9' * 20}", Span(0, 10)),
    ],
)
def test_one_range_selects_what_lies_inside(header: str, span: Span) -> None:
    assert ranges.requested(header, 10) == span


@pytest.mark.parametrize("header", ["bytes=10-", "bytes=10-20", "bytes=-0", "bytes=500-0", f"bytes={'9' * 20}-"])
def test_a_range_with_nothing_inside_is_refused_and_told_the_size(header: str) -> None:
    with pytest.raises(RangeInvalid) as refused:
        ranges.requested(header, 10)
    assert refused.value.size == 10


@pytest.mark.parametrize(
    "header",
    [
        *(None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=0-1,3-4", "bytes=0-1,", "items=0-1"),
        *("bytes=0x0-1", "bytes=+1-2", "bytes=1--2", "bytes=1_0-2", "bytes=١-٢", "bytes=１-2", "bytes=0-1\n", "ſ=0-1"),
        *(f"bytes=0-{NINES}", f"bytes={NINES}-"),
    ],
)
def test_several_ranges_other_units_and_nonsense_get_the_whole(header: str | None) -> None:
    assert ranges.requested(header, 10) is None


def test_nothing_can_be_selected_of_no_bytes() -> None:
    with pytest.raises(RangeInvalid):
        ranges.requested("bytes=0-", 0)


@given(st.integers(0, 2**63), st.integers(0, 2**63), st.integers(0, 2**63))
def test_a_selected_span_is_never_empty_and_never_outside(first: int, last: int, size: int) -> None:
    for header in (f"bytes={first}-{last}", f"bytes={first}-", f"bytes=-{last}"):
        try:
            span = ranges.requested(header, size)
        except RangeInvalid:
            continue
        assert span is not None
        assert 0 <= span.start < span.stop <= size


@given(st.text(st.sampled_from("bytes=0123456789-, \n") | st.characters()), st.integers(0, 100))
@example("bytes=" + "0" * 100_000, 10)
@example("bytes=0-" + "1" * 100_000, 10)
@example("bytes=" + " " * 100_000 + "x", 10)
def test_any_header_selects_gets_the_whole_or_is_refused(header: str, size: int) -> None:
    with contextlib.suppress(RangeInvalid):
        ranges.requested(header, size)


def test_a_refusal_does_not_repeat_a_long_header() -> None:
    with pytest.raises(RangeInvalid) as refused:
        ranges.requested("bytes=" + "1" * 1000 + "-", 10)
    assert len(refused.value.message) < 400


@pytest.mark.parametrize("header", ["0-4", "bytes 0-4", "bytes=0-4", "bytes 0-4/5", "bytes 0-4/*", " 0-4 "])
def test_a_chunk_says_its_first_and_last_byte(header: str) -> None:
    assert ranges.chunk(header) == Span(0, 5)
    assert ranges.chunk(header).size == 5


@pytest.mark.parametrize(
    "header",
    [
        *("", "-", "0-", "-4", "4-0", "a-b", "0-4-5", "0--1", "bytes */5", "items 0-4", "0-4,5-9", "0x0-0x4"),
        *("0-４", "0-4\0", "1_0-2_0", f"0-{'9' * 20}", f"0-{NINES}", f"{NINES}-{NINES}"),
    ],
)
def test_another_content_range_is_refused(header: str) -> None:
    with pytest.raises(UploadInvalid) as refused:
        ranges.chunk(header)
    assert len(refused.value.message) < 400


@given(st.integers(0, 10**18), st.integers(1, 10**18))
def test_a_content_range_round_trips(start: int, size: int) -> None:
    assert ranges.chunk(f"{start}-{start + size - 1}") == Span(start, start + size)
