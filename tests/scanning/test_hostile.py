"""Layers made to harm: each ends with a reason, within its bounds, and what came before it counts."""

import gzip
import io
import random
import struct
import subprocess
import sys
import tarfile
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import zstandard

from tests.kit.layers import Tree, archive, catalogue, dpkg_status, found, source, zipped
from tests.scanning.samples import samples
from wharfinger.scanning.cataloguers import INTEREST
from wharfinger.scanning.cataloguing import Limits, catalogue_layer, catalogue_layers
from wharfinger.scanning.contents import File, Held
from wharfinger.scanning.limits import MIB, Unreadable

ROOT = Path(__file__).parents[2]
GOOD: Tree = {"var/lib/dpkg/status": dpkg_status(a="1")}
FIRST = archive(GOOD)[:1024]


def entry(name: str = "x", size: int = 0, kind: bytes = tarfile.REGTYPE, link: str = "") -> bytes:
    """A header alone."""
    header = tarfile.TarInfo(name)
    header.size, header.type, header.linkname = size, kind, link
    return header.tobuf(tarfile.GNU_FORMAT)


def resummed(header: bytes) -> bytes:
    """A header that was changed, with its checksum made right."""
    total = sum(header[:148]) + sum(header[156:]) + 8 * ord(" ")
    return header[:148] + b"%06o\0 " % total + header[156:]


BLOCK = bytes(512)
PAX = entry("pax", 512, b"x")
ARCHIVES = {
    "no archive": (b"#!/bin/sh\nexit 1\n" * 100, "checksum is wrong"),
    "an archive that ends in a header": (entry()[:300], "in the middle of a header"),
    "an archive that ends in a file": (entry(size=5000) + BLOCK, "in the middle of a file"),
    "a file that ends early": (entry("var/lib/dpkg/status.d/b", 5000) + BLOCK, "in the middle"),
    "endless headers": ((PAX + b"12 path=aaa\n".ljust(512, b"\0")) * 100, "more headers than any has"),
    "a header of a gigabyte": (entry("pax", 1 << 30, b"x"), "a header of"),
    "a name of a gigabyte": (entry("long", 1 << 30, b"L"), "a header of"),
    "a pax header without end": (PAX + b"99 path=aaa\n".ljust(512, b"\0"), "pax header"),
    "a pax header whose length is nothing": (PAX + b"0 path=aaa\n".ljust(512, b"\0"), "pax header"),
    "a pax header with a size that is none": (PAX + b"12 size=-10\n".ljust(512, b"\0") + entry(), "no number"),
    "a size that is no number": (resummed(entry()[:124] + b"zzzzzzzzzzz\0" + entry()[136:]), "no number"),
    "a size beyond all": (resummed(entry()[:124] + b"\x80" + b"\xff" * 11 + entry()[136:]), "no number"),
    "a sparse file's list without end": (
        resummed(entry("s", 0, b"S")[:482] + b"\1" + entry("s")[483:]) + (b"\1" * 512) * 3000,
        "list of pieces does not end",
    ),
    "something after the end": (BLOCK + b"hidden" * 100, "follows the archive's end"),
}


@pytest.mark.parametrize(("raw", "reason"), ARCHIVES.values(), ids=ARCHIVES)
@pytest.mark.parametrize("packed", [False, True])
def test_broken_archives(raw: bytes, reason: str, *, packed: bool) -> None:
    raw = FIRST + raw
    image = catalogue(zipped(raw) if packed else raw)
    assert [problem.reason for problem in image.problems if reason in problem.reason], image.problems
    assert found(image) == {"a 1"}


def test_a_sparse_file_that_matters_is_a_problem() -> None:
    raw = entry("var/lib/rpm/Packages", 0, b"S") + entry("var/lib/dpkg/status.d/a", 40) + dpkg_status(a="1").encode()
    (problem,) = catalogue(raw.ljust(4096, b"\0")).problems
    assert "sparse" in problem.reason


def wide(raw: bytes) -> bytes:
    """For which one needs 128 MiB to unpack, as the header says."""
    packing = zstandard.ZstdCompressor(
        compression_params=zstandard.ZstdCompressionParameters(window_log=27)
    ).compressobj()
    return packing.compress(raw) + packing.flush()


PACKINGS = {
    "gzip cut off": (zipped(archive(GOOD))[:-20], "gzip"),
    "gzip with a wrong checksum": (zipped(archive(GOOD))[:-8] + bytes(8), "gzip"),
    "gzip without anything": (b"\x1f\x8b\x08\0", "gzip"),
    "zstd with a window larger than allowed": (wide(archive(GOOD)), "zstd"),
}


@pytest.mark.parametrize(("raw", "reason"), PACKINGS.values(), ids=PACKINGS)
def test_broken_compression(raw: bytes, reason: str) -> None:
    problems = catalogue(raw).problems
    assert [problem for problem in problems if problem.reason.startswith(reason)], problems


@pytest.mark.parametrize(
    "packed",
    [
        zipped(archive(GOOD)),
        zipped(archive(GOOD)[:700]) + zipped(archive(GOOD)[700:]),  # as pigz and eStargz have it
        zipped(archive(GOOD)) + b"\0" * 100,
        zstandard.compress(archive(GOOD)),
        zstandard.compress(archive(GOOD)[:700]) + zstandard.compress(archive(GOOD)[700:]),
        b"\x50\x2a\x4d\x18\x04\0\0\0skip" + zstandard.compress(archive(GOOD)),
        zstandard.compress(archive(GOOD)) + b"\x50\x2a\x4d\x18\x04\0\0\0skip",  # as zstd:chunked has it
        archive(GOOD),
        archive(GOOD, tarfile.GNU_FORMAT),
        archive(GOOD, tarfile.USTAR_FORMAT),
        archive(GOOD).rstrip(b"\0").ljust(1024, b"\0"),  # without an end
        b"",
    ],
)
def test_what_is_whole_is_no_problem(packed: bytes) -> None:
    image = catalogue(packed)
    assert (found(image), image.problems) == ({"a 1"} if packed else set(), ())


def test_a_bomb_is_stopped_at_its_bound() -> None:
    bomb = gzip.compress(archive({"zeros": bytes(30 * MIB)}), 9)
    image = catalogue(bomb, limits=Limits(unpacked=20 * MIB))
    assert [problem.reason for problem in image.problems] == [f"unpacked it is more than {20 * MIB} bytes"]


@pytest.mark.parametrize(
    ("tree", "limits", "reason"),
    [
        ({f"f{n}": b"" for n in range(20)}, Limits(entries=10), "more than 10 entries"),
        ({"var/lib/dpkg/status": bytes(3 * MIB)}, Limits(file=MIB), "at most are looked at"),
        ({"var/lib/dpkg/status": dpkg_status(**{f"p{n}": "1" for n in range(20)})}, Limits(packages=10), "10 packages"),
        ({"app/a.deps.json": b"[" * 100_000}, Limits(), "JSON"),
        ({"app/package-lock.json": b'{"dependencies":{"a":' * 5000}, Limits(), ""),
    ],
)
def test_bounds(tree: Tree, limits: Limits, reason: str) -> None:
    problems = catalogue(tree, limits=limits).problems
    assert [problem for problem in problems if reason in problem.reason], problems


def test_very_many_problems_are_not_all_kept() -> None:
    image = catalogue({f"app{n}/a.deps.json": b"{" for n in range(200)}, limits=Limits(problems=50))
    assert len(image.problems) == 50


@pytest.mark.parametrize("path", ["../../var/lib/dpkg/status", "/var/lib/dpkg/status", "x/../var/lib/dpkg/./status"])
def test_a_path_that_leads_out_leads_where_runtimes_put_it(path: str) -> None:
    assert found(catalogue({path: dpkg_status(a="1")})) == {"a 1"}


def test_names_that_are_no_text_are_kept_apart() -> None:
    raw = b"".join(
        resummed(b"app\xff" + bytes([n]) + b".deps.json" + entry("x" * 15, 1)[15:]) + b"{".ljust(512, b"\0")
        for n in (0x80, 0x81)
    )
    first, second = catalogue(raw + BLOCK * 2).problems
    assert first.path != second.path


def zip_of(files: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> bytes:
    raw = io.BytesIO()
    with zipfile.ZipFile(raw, "w", method) as written:
        for name, content in files.items():
            written.writestr(name, content)
    return raw.getvalue()


def nested(depth: int) -> bytes:
    raw = zip_of({"x": b""})
    for _ in range(depth):
        raw = zip_of({"x.jar": raw})
    return raw


def moved(raw: bytes) -> bytes:
    """A zip whose directory is said to be elsewhere."""
    at = raw.rfind(b"PK\5\6")
    return raw[: at + 12] + struct.pack("<II", 0xFFFFFFF0, 0xFFFFFFF0) + raw[at + 20 :]


POM = "META-INF/maven/g/a/pom.properties"
ZIPS: dict[str, tuple[bytes, str]] = {
    "no zip": (b"PK" * 100, "no zip archive"),
    "a directory that is elsewhere": (moved(nested(0)), "larger than any"),
    "archives within archives": (nested(10), "do not end"),
    "a bomb within": (zip_of({POM: bytes(5 * MIB)}), "is more than"),
    "an archive that unpacks to too much": (zip_of({"a.jar": bytes(40 * MIB)}), "is more than"),
    "a method that jars do not have": (zip_of({POM: b"x"}, zipfile.ZIP_LZMA), "method"),
}


@pytest.mark.parametrize(("raw", "reason"), ZIPS.values(), ids=ZIPS)
def test_broken_jars(raw: bytes, reason: str) -> None:
    (problem,) = catalogue({"a.jar": raw}).problems
    assert reason in problem.reason


def said(path: str, raw: bytes) -> None:
    """What the cataloguers make of it; of all that can go wrong only Unreadable may come out."""
    for cataloguer in [*INTEREST.by_path(path), *INTEREST.by_content(raw[:4])]:
        with suppress(Unreadable, RecursionError):
            list(cataloguer.read(File(path, Held(raw), {})))


@pytest.mark.parametrize("path", samples())
def test_every_sample_is_good(path: str) -> None:
    image = catalogue({path: samples()[path]})
    assert image.problems == ()
    assert image.packages or image.distribution or path.endswith(".list")


@pytest.mark.parametrize("path", samples())
def test_broken_files_are_unreadable_and_nothing_worse(path: str) -> None:
    good = samples()[path]
    early = min(len(good), 4096)  # the headers, where bytes mean most
    for seed in range(400):
        chance = random.Random(f"{path} {seed}")
        raw = bytearray(good)
        for _ in range(chance.randint(1, 12)):
            place = chance.randrange(4, early) if chance.random() < 0.7 else chance.randrange(len(raw))
            raw[place] = chance.choice([0, 1, 0x7F, 0x80, 0xFF, chance.randrange(256)])
        said(path, bytes(raw))
        said(path, bytes(raw[: chance.randrange(len(raw))]))


HEAVY = """
import io, resource, sys, tarfile
from isal import igzip
from wharfinger.scanning.cataloguing import Limits, LayerSource, catalogue_layers

class Zeros(io.RawIOBase):
    def __init__(self, start, size):
        self.start, self.size = start, size
    def read(self, size=-1):
        raw = (self.start + bytes(min(size, self.size)))[:min(size, self.size)]
        self.start, self.size = b"", self.size - len(raw)
        return raw

raw = io.BytesIO()
with igzip.open(raw, "wb", 1) as packed, tarfile.open(fileobj=packed, mode="w|") as archive:
    for name, start, size in (("usr/bin/large", b"\\x7fELF\\2\\1\\1", 250 << 20), ("opt/large.jar", b"PK", 100 << 20)):
        entry = tarfile.TarInfo(name)
        entry.size = size
        archive.addfile(entry, Zeros(start, size))
    for number in range(20_000):
        archive.addfile(tarfile.TarInfo(f"srv/folder-{number % 300}/file-{number}"))
(layer,) = catalogue_layers([LayerSource("sha256:" + "0" * 64, "", lambda: io.BytesIO(raw.getvalue()))])
assert len(layer.files) == 8 * 20_002, layer.problems
# Of a process itself rusage has also what the program had that it was before: here, that of all tests.
own = next(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM:"))
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, own)
"""


@pytest.mark.slow
def test_a_large_layer_takes_little_memory() -> None:
    """Files of 250 and 100 MiB that are looked into, and many small ones."""
    ran = subprocess.run([sys.executable, "-c", HEAVY], capture_output=True, text=True, check=True, timeout=300)
    reading, asking = (int(word) * 1024 for word in ran.stdout.split())
    assert reading < 128 * MIB
    assert reading + asking < 256 * MIB


SILENT = """
import sys
from tests.kit.layers import archive, source
from tests.scanning.samples import samples
from wharfinger.scanning.cataloguing import catalogue_layer
layer = source(archive(samples()))
opened = []
outside = ("socket.", "subprocess.", "os.exec")
sys.addaudithook(lambda event, arguments: event.startswith(outside) and opened.append(event))
catalogue = catalogue_layer(layer)
assert len(catalogue.evidence) == len(samples()), catalogue.problems
sys.exit(f"it used {opened}" if opened else 0)
"""


def test_nothing_opens_a_socket() -> None:
    """Also where nothing forbids it: every cataloguer, in a process with all rights."""
    subprocess.run([sys.executable, "-c", SILENT], check=True, timeout=60, cwd=ROOT)


def test_every_cataloguer_works_confined() -> None:
    """What Python loads when it is first used could not be loaded then."""
    layer = source(archive(samples()))
    (confined,) = catalogue_layers([layer])
    assert (confined.evidence, confined.problems) == (catalogue_layer(layer).evidence, ())
