"""What changes of links do to the figures of usage. Pure.

A blob is exclusive to a repository when that alone holds it. Which one that is, of a blob with a single holder, is the
sum of its holders' keys: so a number and a sum for each blob are enough, and no list of who holds it.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

STORE = 0
"""The repository that holds everything: no repository has this key."""


@dataclass(frozen=True, slots=True)
class Change:
    """A repository holds a blob (sign 1) or no longer (-1)."""

    repository_id: int
    digest: str
    size: int
    sign: int


@dataclass(frozen=True, slots=True)
class Held:
    """A blob: how many repositories hold it, and the sum of their keys."""

    size: int
    holders: int = 0
    key_sum: int = 0

    @property
    def sole(self) -> int | None:
        """The only repository that holds it."""
        return self.key_sum if self.holders == 1 else None


@dataclass(frozen=True, slots=True)
class Delta:
    """How much a repository's figures are more, or what they are."""

    blobs: int = 0
    bytes: int = 0
    exclusive: int = 0

    def plus(self, blobs: int, bytes: int, exclusive: int) -> "Delta":
        return Delta(self.blobs + blobs, self.bytes + bytes, self.exclusive + exclusive)


def sums(held: Mapping[str, Held], changes: Iterable[Change]) -> tuple[dict[str, Held], dict[int, Delta]]:
    """The blobs as they are after these changes, and by how much the repositories' figures differ.

    For the store itself ``exclusive`` is what any repository holds. The order of the changes does not matter.
    """
    after: dict[str, Held] = {}
    deltas: dict[int, Delta] = {}
    for change in changes:
        blobs, size = change.sign, change.sign * change.size
        deltas[change.repository_id] = deltas.get(change.repository_id, Delta()).plus(blobs, size, 0)
        if change.repository_id != STORE:
            now = after.get(change.digest) or held.get(change.digest) or Held(change.size)
            key_sum = now.key_sum + change.sign * change.repository_id
            after[change.digest] = Held(change.size, now.holders + change.sign, key_sum)
    for digest, now in after.items():
        for state, sign in ((held.get(digest, Held(now.size)), -1), (now, 1)):
            for key in _exclusive_to(state):
                deltas[key] = deltas.get(key, Delta()).plus(0, 0, sign * state.size)
    return after, deltas


def _exclusive_to(held: Held) -> list[int]:
    """For whom the blob counts as exclusive."""
    found = [STORE] if held.holders > 0 else []
    return found if held.sole is None else [*found, held.sole]
