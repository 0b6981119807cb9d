"""An advisory as it is kept: its names, how bad it is, and which versions of which packages it is about. Pure."""

from dataclasses import dataclass, field
from datetime import date

from wharfinger.scanning.findings import Rating, State


class RecordInvalid(ValueError):
    """A record that cannot be kept; the message says why."""


@dataclass(frozen=True, slots=True)
class Interval:
    """Versions of one package that are affected: from ``low`` to before ``high``, which are keys of its ecosystem.

    ``stream`` limits it to packages of some module streams (``virt:rhel virt-devel:rhel``), or of any (``*``); without
    it, to packages outside of modules. ``platforms`` limits it to Go programs for one of these (``goos``, ``goarch``,
    either may be empty for any).
    """

    ecosystem: str
    name: str
    low: bytes
    high: bytes
    fixed: str | None = None
    state: State = "affected"
    stream: str | None = None
    platforms: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Advisory:
    """One record of one source.

    ``aliases`` are other names of the same vulnerability; ``covers`` are the CVEs that it is about where it is about
    several, or is a distribution's word on another's vulnerability.
    """

    id: str
    aliases: tuple[str, ...] = ()
    covers: tuple[str, ...] = ()
    summary: str = ""
    published: date | None = None
    ratings: tuple[Rating, ...] = ()


@dataclass(frozen=True, slots=True)
class Record:
    """What one document came to. ``problems`` are parts of it that could not be used, while the rest is."""

    advisory: Advisory
    withdrawn: bool = False
    intervals: tuple[Interval, ...] = ()
    problems: tuple[str, ...] = field(default=())
