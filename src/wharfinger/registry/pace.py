"""How much one transaction does at a time, so that nobody waits long for it. Pure."""

from collections.abc import Mapping

SECONDS: Mapping[str, float] = {"sqlite": 0.02, "postgresql": 0.1}
"""How long it may take: where one transaction writes at a time everybody waits for it, and where rows are held only
who wants the same rows. There a batch costs journeys and a commit beside, so that large ones are much cheaper."""
LEAST, MOST = 50, 500
FIRST = 50


class Pace:
    """Learns from what was done how much can be done in the time that it may take, on whatever machine and database."""

    def __init__(self) -> None:
        self.size = FIRST

    def note(self, count: int, seconds: float, wanted_seconds: float) -> None:
        """So many took so long, and may take ``wanted_seconds``.

        At most twice, and at least half, of what it was comes next: one figure may be odd.
        """
        if seconds <= 0:
            return
        wanted = int(count * wanted_seconds / seconds)
        if count < self.size and wanted > self.size:
            return  # there were no more: that says nothing of how many could be done
        self.size = max(LEAST, self.size // 2, min(MOST, self.size * 2, wanted))
