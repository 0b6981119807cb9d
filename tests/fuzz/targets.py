"""One target for each parser: good examples, what is done with bytes, and what may come out of it beside an answer.

Anything else that comes out is a finding. Some check a property as well: that an order of versions has a direction,
that what is kept is read back as it was.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import msgspec

from tests.fuzz import examples
from tests.kit.layers import Tree, archive, source, zipped
from tests.scanning.samples import samples
from wharfinger.cli import policy_sections
from wharfinger.errors import Refusal
from wharfinger.scanning.adapters import protocol
from wharfinger.scanning.adapters.protocol import AdapterFault
from wharfinger.scanning.advisories import enriching, osv
from wharfinger.scanning.advisories.native import formats, native
from wharfinger.scanning.advisories.records import RecordInvalid
from wharfinger.scanning.cataloguers import INTEREST
from wharfinger.scanning.cataloguing import catalogue_layer
from wharfinger.scanning.contents import File, Held
from wharfinger.scanning.layers import LayerCatalogue
from wharfinger.scanning.limits import MIB, Limits, Unreadable
from wharfinger.scanning.versions.encoding import VersionInvalid
from wharfinger.scanning.versions.schemes import SCHEMES, compare
from wharfinger.scanning.vex import reading as vex
from wharfinger.spec import digest as digests
from wharfinger.spec import manifest as manifests
from wharfinger.spec import media_types

DATA = Path(__file__).parents[1] / "data" / "advisories"
VERSIONS_AT_MOST = 300
EXAMPLE_AT_MOST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Target:
    """``run`` is given bytes; of exceptions ``refusals`` alone may come out of it."""

    examples: Callable[[], Sequence[bytes]]
    run: Callable[[bytes], object]
    refusals: tuple[type[BaseException], ...]

    def __call__(self, data: bytes) -> None:
        """Raises what must not happen."""
        with suppress(*self.refusals):
            self.run(data)


def _file(path: str, data: bytes) -> None:
    """What the cataloguers make of a file at this path."""
    for cataloguer in [*INTEREST.by_path(path), *INTEREST.by_content(data[:4])]:
        with suppress(Unreadable, RecursionError):
            list(cataloguer.read(File(path, Held(data), {})))


def _layer(data: bytes) -> None:
    """What a layer of these bytes says, and whether it is the same when it was kept."""
    read = catalogue_layer(source(data), Limits(unpacked=64 * MIB, entries=2000, seconds=20, file=8 * MIB))
    kept = LayerCatalogue.from_json(read.to_json())
    assert kept.to_json() == read.to_json(), "what is kept is not what was read"


def _layers() -> Sequence[bytes]:
    small: Tree = {path: content for path, content in samples().items() if len(content) < 4096}
    trees: list[Tree] = [small, {"a/.wh.b": b"", "a/.wh..wh..opq": b"", "x" * 300: b"long", "d": None}]
    plain = [archive(tree) for tree in trees]
    return [*plain, *map(zipped, plain)]


def _version(scheme: str, data: bytes) -> None:
    one, _, other = data.decode("utf-8", "replace").partition("\n")
    key = SCHEMES[scheme]
    assert compare(key, one, other) == -compare(key, other, one), "an order that has no direction"
    assert compare(key, one, one) == 0, "a version that is not itself"


def _versions(scheme: str) -> Sequence[bytes]:
    vectors = json.loads((DATA / "versions.json").read_text())
    pairs = vectors.get(scheme) or vectors["npm"]
    return [f"{pair[0]}\n{pair[1]}".encode() for pair in pairs[:VERSIONS_AT_MOST]]


def _osv(data: bytes) -> None:
    document = msgspec.json.Decoder(osv.Document).decode(data)
    if document.is_one:
        osv.parse(document)


def _records() -> Sequence[bytes]:
    found = []
    for file in ("debian-12.json", "go-syft.json", "npm-maven.json", "python-legacy.json"):
        document = json.loads((DATA / file).read_text())
        lists = (
            [document] if isinstance(document, list) else [each for each in document.values() if isinstance(each, list)]
        )
        found += [json.dumps(record).encode() for record in lists[0][:20]]
    return found


def _native(data: bytes) -> None:
    found = formats.of(data)
    for record in found.records if found else ():
        native.hashed(record)


def _enriching(data: bytes) -> None:
    enriching.of_json(data, "nvdcve-2.0-a.json")
    enriching.of_csv(data.decode("utf-8", "replace"), "epss.csv")


def _statements(data: bytes) -> None:
    vex.parse(data, "a.json")


def _policy(data: bytes) -> None:
    policy_sections.parse(data.decode("utf-8", "replace"))


def _adapter(data: bytes) -> None:
    """What an adapter answers, to each question in turn."""
    for read in (protocol.metadata, protocol.accepted, protocol.bill):
        with suppress(AdapterFault):
            read(data)
    protocol.said(data)
    found = protocol.report(data)
    assert protocol.from_json(json.loads(json.dumps(protocol.to_json(found)))) == found


def _manifest(data: bytes) -> None:
    for media_type in (media_types.OCI_MANIFEST, media_types.OCI_INDEX):
        with suppress(Refusal):
            manifests.parse(data, media_type, digests.of(data))


def _of_files() -> Iterator[tuple[str, Target]]:
    for path, content in samples().items():
        name = path.strip("/").replace("/", "-")
        yield f"file-{name}", Target(partial(list, [content]), partial(_file, path), ())


def _of_versions() -> Iterator[tuple[str, Target]]:
    for scheme in SCHEMES:
        yield f"version-{scheme}", Target(partial(_versions, scheme), partial(_version, scheme), (VersionInvalid,))


def _given(*examples: bytes) -> Callable[[], Sequence[bytes]]:
    return lambda: examples


def _natives() -> Sequence[bytes]:
    return [file.read_bytes() for file in sorted((DATA / "native").iterdir())]


TARGETS: Mapping[str, Target] = {
    "layer": Target(_layers, _layer, ()),
    **dict(_of_files()),
    **dict(_of_versions()),
    "osv": Target(_records, _osv, (RecordInvalid, msgspec.DecodeError, UnicodeDecodeError, RecursionError)),
    "native": Target(_natives, _native, (RecordInvalid,)),
    "enriching": Target(_given(*examples.ENRICHING), _enriching, ()),
    "vex": Target(_given(*examples.VEX), _statements, (Refusal,)),
    "policy": Target(_given(examples.POLICY), _policy, (Refusal,)),
    "adapter": Target(_given(*examples.ADAPTER), _adapter, (AdapterFault,)),
    "manifest": Target(_given(*examples.MANIFEST), _manifest, ()),
}
