"""How much one transaction does at a time, so that nobody waits long for it. Pure."""

SECONDS = 0.02
LEAST, MOST = 50, 500
FIRST = 50


class Pace:
    """Learns from what was done how much can be done in about :data:`SECONDS`, on whatever machine and database."""

    def __init__(self) -> None:
        self.size = FIRST

    def note(self, count: int, seconds: float) -> None:
        """So many took so long. At most twice, and at least half, of what it was comes next: one figure may be odd."""
        if seconds <= 0:
            return
        wanted = int(count * SECONDS / seconds)
        if count < self.size and wanted > self.size:
            return  # there were no more: that says nothing of how many could be done
        self.size = max(LEAST, self.size // 2, min(MOST, self.size * 2, wanted))
