"""Puts digests into a file and leaves every other character as it was. Pure."""

from collections.abc import Mapping

from wharfinger.errors import Refusal
from wharfinger.spec.digest import Digest
from wharfinger.tagging.pinning.finding import find
from wharfinger.tagging.pinning.found import Found


def pinned(path: str, text: str, chosen: Mapping[Found, Digest], *, drop_tag: bool = False) -> str:
    """The text with the chosen references pinned, and nothing else changed.

    It is read once more: raises Refusal where it would not say what it should.
    """
    pieces: list[str] = []
    at = 0
    for found in sorted(chosen, key=_place):
        start, end = _place(found)
        assert start >= at, "slots do not overlap"
        pieces += [text[at:start], found.written(chosen[found], drop_tag=drop_tag)]
        at = end
    made = "".join([*pieces, text[at:]])
    _require_the_same(path, text, made, chosen)
    return made


def _place(found: Found) -> tuple[int, int]:
    assert found.slot is not None
    return found.slot.start, found.slot.end


def _require_the_same(path: str, text: str, made: str, chosen: Mapping[Found, Digest]) -> None:
    before, after = find(path, text).found, find(path, made).found
    if len(before) != len(after) or not all(map(_is_as_wanted, before, after, map(chosen.get, before))):
        raise Refusal(f"{path}: it would mean something else when pinned: pin it by hand")


def _is_as_wanted(was: Found, now: Found, digest: Digest | None) -> bool:
    if digest is None:
        return (was.shown, was.reference) == (now.shown, now.reference)
    if was.reference is None or now.reference is None:
        return False
    same = (was.reference.registry, was.reference.repository) == (now.reference.registry, now.reference.repository)
    return same and now.reference.digest == digest and now.reference.tag in {None, was.reference.meant_tag}
