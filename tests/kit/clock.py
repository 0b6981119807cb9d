"""A clock that stands still until a test moves it."""

from datetime import UTC, datetime


class Clock:
    """What the code under test calls for the time: seconds since the epoch."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> None:
        """Let that much time pass."""
        self.now += seconds + 60 * minutes + 3600 * hours + 86400 * days

    @property
    def date(self) -> datetime:
        """The same instant for code that reckons in dates, with its time zone."""
        return datetime.fromtimestamp(self.now, UTC)
