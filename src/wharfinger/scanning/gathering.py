"""What is known of a layer while it is being read."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

from wharfinger.scanning.cataloguers.kind import Cataloguer
from wharfinger.scanning.contents import Content, File
from wharfinger.scanning.layers import Evidence, Found, LayerCatalogue, Owned, hash_of
from wharfinger.scanning.limits import Limits, Unreadable
from wharfinger.scanning.packages import Distribution, Problem

_WHITEOUT, _OPAQUE, _AUFS = ".wh.", ".wh..wh..opq", ".wh..wh."


class Gathering:
    """Evidence, what is hidden, what could not be read, and how much of what is allowed is used up."""

    def __init__(self, layer: str, limits: Limits) -> None:
        self.layer, self.limits = layer, limits
        self.problems: list[Problem] = []
        self._evidence: dict[str, list[Evidence]] = {}
        self._whiteouts: set[str] = set()
        self._opaque: set[str] = set()
        self._files = bytearray()
        self._folders = bytearray()
        self._statements = 0
        self._until = time.monotonic() + limits.seconds

    def tick(self) -> None:
        """Raises Unreadable when the time is over."""
        if time.monotonic() > self._until:
            raise Unreadable(f"reading it took more than {self.limits.seconds:g} seconds")

    def hides(self, folder: str, name: str) -> bool:
        """Whether this is no file but a sign that something below is hidden; it is noted."""
        if not name.startswith(_WHITEOUT):
            return False
        if name == _OPAQUE:
            self._opaque.add(folder)
        elif not name.startswith(_AUFS):
            hidden = name[len(_WHITEOUT) :]
            self._whiteouts.add(f"{folder}/{hidden}" if folder else hidden)
        return True

    def folder(self, path: str) -> None:
        """There is a folder."""
        self._folders += hash_of(path)

    def file(self, path: str) -> None:
        """There is something that is no folder; of several with one name the last one stays."""
        self._files += hash_of(path)
        self._evidence.pop(path, None)

    def link(self, path: str, target: str) -> None:
        """A symbolic link that matters."""
        self._evidence[path] = [Evidence(path, "link", target=target)]

    def copy(self, path: str, target: str) -> bool:
        """Another name of a file that came before: what that says counts here, too. Whether it says anything."""
        said = self._evidence.get(target, ())
        if said:
            self._evidence[path] = [
                Evidence(path, each.kind, each.found, each.owned, each.distribution, each.target) for each in said
            ]
        return bool(said)

    def ask(
        self, path: str, content: Content, cataloguers: Sequence[Cataloguer], beside: Mapping[str, Content]
    ) -> None:
        """What the cataloguers make of a file; each on its own, so that one's failure is not another's."""
        for cataloguer in cataloguers:
            found: list[Found] = []
            owned: list[Owned] = []
            distribution: Distribution | None = None
            with self.problem_at(path):
                for statement in cataloguer.read(File(path, content, beside, self.limits.depth)):
                    self._count()
                    match statement:
                        case Found():
                            found.append(statement)
                        case Owned():
                            owned.append(statement)
                        case Distribution():
                            distribution = statement
            if found or owned or distribution:
                said = Evidence(path, cataloguer.name, tuple(found), tuple(owned), distribution)
                self._evidence.setdefault(path, []).append(said)

    def _count(self) -> None:
        self._statements += 1
        if self._statements > self.limits.packages:
            raise Unreadable(f"the layer has more than {self.limits.packages} packages")
        if self._statements % 16 == 0:
            self.tick()

    @contextmanager
    def problem_at(self, path: str) -> Iterator[None]:
        """What is raised within is noted, and what comes after goes on."""
        try:
            yield
        except Unreadable as error:
            self.problem(path, str(error))
        except MemoryError:
            self.problem(path, "reading it takes more memory than is given to it")
        except RecursionError:
            self.problem(path, "it is nested too deeply")
        except Exception as error:  # noqa: BLE001  a file that finds a fault of ours must not hide the others
            self.problem(path, f"it could not be read: {type(error).__name__}")

    def problem(self, path: str, reason: str) -> None:
        """Something could not be read. Of very many the first ones tell enough."""
        if len(self.problems) < self.limits.problems:
            self.problems.append(Problem(self.layer, path, reason))

    def catalogue(self) -> LayerCatalogue:
        """All that the layer says."""
        return LayerCatalogue(
            self.layer,
            evidence=tuple(each for path in sorted(self._evidence) for each in self._evidence[path]),
            whiteouts=tuple(sorted(self._whiteouts)),
            opaque=tuple(sorted(self._opaque)),
            files=bytes(self._files),
            folders=bytes(self._folders),
            problems=tuple(self.problems),
        )
