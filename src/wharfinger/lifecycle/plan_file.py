"""A plan as a file: lines of JSON, a head, one for each repository, and the sum at the end.

Nothing in it is believed when it is applied: whatever it lists is looked at again. So there is nothing to be gained by
altering one, and a file without its last line was cut short and is none.
"""

from collections.abc import Iterable, Sequence
from typing import Literal, TypeVar

import msgspec
from msgspec import Struct

from wharfinger.errors import RequestInvalid

T = TypeVar("T")

FORMAT: Literal["wharfinger-lifecycle-plan/1"] = "wharfinger-lifecycle-plan/1"
DAYS_VALID = 7


class Head(Struct, frozen=True, forbid_unknown_fields=True):
    """Of which server, by whom, for when. ``clock`` is when it is taken to be, in microseconds since the epoch."""

    format: Literal["wharfinger-lifecycle-plan/1"]
    server: str
    by: str
    clock: int
    made: str
    expires: str


class Going(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """An image that goes, or loses tags; ``frees`` counts what nothing that stays has."""

    digest: str
    tags: tuple[str, ...] = ()
    frees: int = 0


class Why(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Images that go for one reason. ``unnamed`` counts tags that go although the rule names others."""

    rule: str | None
    reason: str
    images: tuple[Going, ...]
    unnamed: int = 0


class Kept(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """Images that stay for one reason."""

    rule: str | None
    reason: str
    images: tuple[str, ...]
    protected_by: str | None = None


class RepositoryPlan(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One repository's part. ``observed`` is what policies would do that only observe; nothing does it.

    ``frees`` counts once what several of the doomed share. ``over_ceiling``: a person has to agree.
    """

    repository: str
    images: int
    ceiling: int = 0
    over_ceiling: bool = False
    frees: int = 0
    delete: tuple[Why, ...] = ()
    untag: tuple[Why, ...] = ()
    keep: tuple[Kept, ...] = ()
    observed_delete: tuple[Why, ...] = ()
    observed_untag: tuple[Why, ...] = ()

    @property
    def deleted(self) -> int:
        """How many images go."""
        return sum(len(why.images) for why in self.delete)

    @property
    def untagged(self) -> int:
        """How many images lose tags."""
        return sum(len(why.images) for why in self.untag)


class Total(Struct, frozen=True, forbid_unknown_fields=True):
    """The last line. ``frees`` also has what several repositories share, of which all that has it goes."""

    repositories: int
    images: int
    delete: int
    untag: int
    frees: int
    unnamed: int
    observed: int
    over_ceiling: tuple[str, ...] = ()
    """Repositories that a person has to agree to: the first hundred."""


def counted(part: RepositoryPlan) -> Total:
    """What one part says, as the sum does."""
    return Total(
        repositories=1,
        images=part.images,
        delete=part.deleted,
        untag=part.untagged,
        frees=part.frees,
        unnamed=sum(why.unnamed for why in part.delete),
        observed=sum(len(why.images) for why in (*part.observed_delete, *part.observed_untag)),
        over_ceiling=(part.repository,) if part.over_ceiling else (),
    )


class Plan(Struct, frozen=True):
    """A plan that was read: what it lists for deletion or untagging, without what it keeps."""

    head: Head
    repositories: tuple[RepositoryPlan, ...]


_encoder = msgspec.json.Encoder()
_heads = msgspec.json.Decoder(Head)
_parts = msgspec.json.Decoder(RepositoryPlan)
_totals = msgspec.json.Decoder(Total)


def line(part: Head | RepositoryPlan | Total) -> bytes:
    """One line of the file."""
    return _encoder.encode(part) + b"\n"


def part(line: bytes) -> RepositoryPlan:
    """What a line says that was made here, and is neither the first nor the last."""
    return _parts.decode(line)


def total(line: bytes) -> Total:
    """What the last line says of a plan that was made here."""
    return _totals.decode(line)


def parse(raw: bytes) -> Plan:
    """The plan. Raises RequestInvalid, which names the line that is wrong."""
    lines = raw.splitlines()
    if len(lines) < 2 or b"\\u0000" in raw:  # nothing here has one, and a database may not be able to store it
        raise RequestInvalid("line 1: not a plan that wharf lifecycle plan --out saved, or it was cut short")
    head = _read(_heads, lines[0], 1)
    _read(_totals, lines[-1], len(lines))
    found = (_read(_parts, line, number) for number, line in enumerate(lines[1:-1], start=2))
    return Plan(head, _distinct([part for part in found if part.delete or part.untag]))


def _distinct(parts: list[RepositoryPlan]) -> tuple[RepositoryPlan, ...]:
    """The same, in which each repository and each image stands once."""
    if len({part.repository for part in parts}) < len(parts):
        raise RequestInvalid("a repository is in the plan twice")
    for part in parts:
        listed = [each.digest for each in going((*part.delete, *part.untag))]
        if len(set(listed)) < len(listed):
            raise RequestInvalid(f"an image of {part.repository[:80]} is in the plan twice")
    return tuple(parts)


def _read(decoder: msgspec.json.Decoder[T], line: bytes, number: int) -> T:
    try:
        return decoder.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise RequestInvalid(f"line {number}: not a plan that wharf lifecycle plan --out saved: {error}") from error


def without_kept(raw: bytes) -> bytes:
    """The same plan with what applying it needs and no more. Raises RequestInvalid."""
    lines = raw.splitlines()
    parse(raw)
    parts = (_parts.decode(each) for each in lines[1:-1])
    wanted = (msgspec.structs.replace(part, keep=()) for part in parts if part.delete or part.untag)
    return b"".join((lines[0] + b"\n", *map(line, wanted), lines[-1] + b"\n"))


def going(whys: Iterable[Why]) -> Sequence[Going]:
    """All that go, whatever the reason."""
    return [each for why in whys for each in why.images]
