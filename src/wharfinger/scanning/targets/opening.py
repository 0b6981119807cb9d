"""From the word on the command line to images that can be read."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import BinaryIO, cast

from wharfinger.errors import RequestInvalid
from wharfinger.remote.references import ImageReference
from wharfinger.remote.repositories import Repositories
from wharfinger.scanning.answers.origins import Base
from wharfinger.scanning.cataloguing import LayerSource
from wharfinger.scanning.packages import Problem
from wharfinger.scanning.targets import bases, bills
from wharfinger.scanning.targets.bills import Bill
from wharfinger.scanning.targets.docker_archive import DockerArchive
from wharfinger.scanning.targets.files import Archive, Folder
from wharfinger.scanning.targets.images import Image, images
from wharfinger.scanning.targets.layout import Layout
from wharfinger.scanning.targets.naming import ArchiveName, DockerArchiveName, LayoutName, Name
from wharfinger.scanning.targets.place import Bytes, Place, Root
from wharfinger.scanning.targets.registry import Repository
from wharfinger.spec.descriptor import Descriptor
from wharfinger.spec.digest import Digest

Remote = Callable[[], AbstractContextManager[Repositories]]
"""Opens the way to registries: only for a target that is in one, so that a local one needs no network."""


Attached = Callable[[Digest], tuple[list[Bill], list[Problem]]]
"""What is attached to an image; in a folder or an archive, nothing is looked for."""


Based = Callable[[Image], Base]
"""Which of an image's layers are those of what it was built upon."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A target. ``repository`` is its name in a registry; ``roots`` are the digests that the target itself names."""

    images: list[Image]
    open: Callable[[Descriptor], Bytes]
    repository: str = ""
    roots: tuple[Digest, ...] = ()
    attached: Attached = lambda _: ([], [])
    base: Based = lambda _: Base(reason="nothing here says what it was built upon")

    def bills(self, image: Image) -> tuple[list[Bill], list[Problem]]:
        """The bills of materials attached to an image, and those that could not be had."""
        return self.attached(image.digest)

    def layers(self, image: Image) -> list[LayerSource]:
        """The layers of an image, to be read from the lowest up."""
        return [LayerSource(each.digest, each.media_type, _opening(self.open, each)) for each in image.layers or ()]


@contextmanager
def opened(name: Name, remote: Remote) -> Iterator[Opened]:
    """What the name stands for. Raises Refusal where it cannot be had."""
    match name:
        case LayoutName(folder, tag):
            if not folder.is_dir():
                raise RequestInvalid(f"{folder} is not a folder")
            layout = Layout(Folder(folder))
            yield _of(layout, layout.roots(tag))
        case ArchiveName(file, tag):
            with Archive(file) as files:
                layout = Layout(files)
                yield _of(layout, layout.roots(tag))
        case DockerArchiveName(file, tag):
            with Archive(file) as files:
                archive = DockerArchive(files)
                yield Opened(archive.images(tag), archive.open)
        case ImageReference():
            with remote() as repositories:
                place = Repository(repositories, name)
                found = _of(place, place.roots(), name.repository)
                yield replace(
                    found,
                    attached=partial(bills.attached, repositories, name, place),
                    base=partial(bases.found, manifest=partial(bases.in_registry, repositories, name, place)),
                )


def _of(place: Place, roots: list[Root], repository: str = "") -> Opened:
    return Opened(
        images(place, roots),
        place.open,
        repository,
        tuple(root.digest for root in roots),
        base=partial(bases.found, manifest=partial(bases.in_place, place)),
    )


def _opening(open: Callable[[Descriptor], Bytes], blob: Descriptor) -> Callable[[], BinaryIO]:
    return lambda: cast("BinaryIO", open(blob))
