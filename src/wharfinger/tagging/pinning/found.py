"""What was found in a file, where, and what may be written in its place. Pure."""

import enum
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from wharfinger.errors import RequestInvalid
from wharfinger.remote import references
from wharfinger.remote.references import ImageReference
from wharfinger.spec.digest import Digest

BOM = "\ufeff"
_SHARED = "the same value is used for several images, and is not touched"


class Form(enum.Enum):
    """What stands in the slot that is written to."""

    WHOLE = "the whole reference"
    TAG = "a tag; what reads it puts the name and a colon before it"
    DIGEST = "a digest beside a name and a tag"
    BEHIND = "nothing, or a digest; a reference that is put together from variables ends there"


@dataclass(frozen=True, slots=True)
class Slot:
    """A piece of the text, counted in characters, that becomes ``before`` and the pinned form."""

    start: int
    end: int
    form: Form = Form.WHOLE
    before: str = ""


@dataclass(frozen=True, slots=True)
class Found:
    """A reference at ``start``, and up to ``end`` where it stands in one piece.

    ``trouble`` says why it is not known which image it is; ``note`` what else is to be said of one that is known.
    Without a slot it cannot be pinned here.
    """

    start: int
    end: int
    shown: str
    reference: ImageReference | None = None
    slot: Slot | None = None
    trouble: str = ""
    note: str = ""

    def moved(self, shift: int) -> "Found":
        slot = self.slot and replace(self.slot, start=self.slot.start + shift, end=self.slot.end + shift)
        return replace(self, start=self.start + shift, end=self.end + shift, slot=slot)

    def written(self, digest: Digest, *, drop_tag: bool) -> str:
        """What the slot becomes."""
        assert self.reference is not None
        assert self.slot is not None
        match self.slot.form:
            case Form.WHOLE:
                text = str(self.reference.pinned(digest, drop_tag=drop_tag))
            case Form.TAG:
                text = f"{self.reference.meant_tag}@{digest}"
            case Form.DIGEST:
                text = str(digest)
            case Form.BEHIND:
                text = f"@{digest}" if self.reference.tag is not None else f":{self.reference.meant_tag}@{digest}"
        return self.slot.before + text

    def means(self, digest: Digest, *, drop_tag: bool) -> ImageReference:
        """The image that is used once this is written."""
        assert self.reference is not None
        assert self.slot is not None
        return self.reference.pinned(digest, drop_tag=drop_tag and self.slot.form is Form.WHOLE)


@dataclass(frozen=True, slots=True)
class Findings:
    """All of one file, in its order."""

    kind: str
    found: tuple[Found, ...]


class Gathering:
    """Collects what is found; what stands at one place is found once, however many aliases lead there.

    The text that is looked at begins ``shift`` characters into its file.
    """

    def __init__(self, shift: int = 0) -> None:
        self._shift = shift
        self._found: dict[tuple[int, str], Found] = {}

    def add(self, found: Found) -> None:
        self._found.setdefault((found.start, found.shown), found.moved(self._shift))

    def trouble(self, start: int, shown: str, why: str) -> None:
        self.add(Found(start, start + len(shown), shown, trouble=why))

    def reference(self, start: int, text: str) -> None:
        """A whole reference that is written at ``start`` as ``text``, letter by letter."""
        end = start + len(text)
        if why := filled_in(text):
            self.trouble(start, text, why)
            return
        try:
            parsed = references.parse(text)
        except RequestInvalid as error:
            self.trouble(start, text, error.message)
            return
        self.add(Found(start, end, text, parsed, Slot(start, end)))

    def done(self) -> tuple[Found, ...]:
        """In the order of the file. What several different references share is left alone: it cannot suit them all."""
        slots = Counter(each.slot.start for each in self._found.values() if each.slot is not None)
        told = (_alone(each) if each.slot and slots[each.slot.start] > 1 else each for each in self._found.values())
        return tuple(sorted(told, key=lambda each: (each.start, each.shown)))


def _alone(found: Found) -> Found:
    if found.reference is not None and found.reference.is_pinned:
        return replace(found, slot=None)
    return replace(found, reference=None, slot=None, trouble=_SHARED)


def filled_in(text: str) -> str:
    """Why what is written is not what will be used; empty when it is."""
    if "{{" in text:
        return "it is filled in by a template, and cannot be pinned here"
    if "$" in text:
        return "it is filled in by a variable, and cannot be pinned here"
    return ""


@dataclass(slots=True)
class Lines:
    """Lines and columns, counted from one, of a text whose lines end in LF, CRLF or CR."""

    text: str
    _starts: Sequence[int] = field(init=False)

    def __post_init__(self) -> None:
        starts = [len(BOM) if self.text.startswith(BOM) else 0]
        for at, character in enumerate(self.text):
            if character == "\n" or (character == "\r" and self.text[at + 1 : at + 2] != "\n"):
                starts.append(at + 1)
        self._starts = starts

    def place(self, offset: int) -> tuple[int, int]:
        line = bisect_right(self._starts, offset)
        return line, offset - self._starts[line - 1] + 1
