"""How much of a layer is looked at, and what is raised where something cannot be read. Pure."""

from dataclasses import dataclass

MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds on reading one layer. They are far above what images have, and below what harms the machine.

    ``held`` bytes of a file are held in memory, larger ones are spooled to the disk; ``memory`` is for the whole
    process that reads.
    """

    unpacked: int = 64 * 1024 * MIB
    entries: int = 1_000_000
    seconds: float = 600
    file: int = 1024 * MIB
    held: int = 8 * MIB
    memory: int = 224 * MIB
    packages: int = 200_000
    problems: int = 100
    depth: int = 6


class Unreadable(Exception):
    """Something is not what it says it is, or more than is looked at. The message is shown, and says so."""
