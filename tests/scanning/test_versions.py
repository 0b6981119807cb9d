"""Versions as byte keys, against the verdicts of the programs whose versions they are."""

import gzip
import itertools
import json
import random
from collections.abc import Iterator, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import InvalidVersion, Version

from tests.kit.advisories import excerpt, whole
from wharfinger.scanning.versions import encoding, maven
from wharfinger.scanning.versions.encoding import VersionInvalid
from wharfinger.scanning.versions.schemes import SCHEMES, compare, scheme

VERDICTS = {"<": -1, "=": 0, ">": 1}
WITH_VECTORS = ("apk", "deb", "gem", "maven", "npm", "rpm")
"""Of libapt, librpm, apk-tools, node-semver, Gem::Version and Maven's ComparableVersion. The excerpt has two more, made
with golang.org/x/mod/semver and with Composer\\Semver of Debian's php-composer-semver."""

Pair = tuple[str, str, int]


def wrong(name: str, pairs: Sequence[Pair]) -> list[tuple[Pair, int]]:
    found = [(pair, compare(SCHEMES[name], pair[0], pair[1])) for pair in pairs]
    return [(pair, ours) for pair, ours in found if ours != pair[2]]


@pytest.mark.parametrize("name", [*WITH_VECTORS, "go", "composer"])
def test_every_verdict_of_the_reference_is_ours(name: str) -> None:
    pairs = [(a, b, verdict) for a, b, verdict in excerpt("versions.json")[name]]
    assert len(pairs) >= 110
    assert wrong(name, pairs) == []


@pytest.mark.slow
@pytest.mark.skipif(whole() is None, reason="the whole collection of verdicts is not here")
@pytest.mark.parametrize("name", WITH_VECTORS)
def test_every_verdict_of_the_whole_collection_is_ours(name: str) -> None:
    folder = whole()
    assert folder is not None
    rows = json.loads(gzip.decompress((folder / "versions" / f"{name}.json.gz").read_bytes()))
    pairs = [(a, b, VERDICTS.get(verdict, verdict)) for a, b, verdict in rows]
    assert len(pairs) >= 2000
    assert wrong(name, pairs) == []


# Ordered lists from the documents of the ecosystems; each is less than the next, `=` joins equals.
ASCENDING = {
    # https://learn.microsoft.com/nuget/concepts/package-versioning
    "nuget": (
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.9",
        "1.0.0-alpha.10",
        "1.0.0-beta",
        "1.0.0-rc.1 = 1.0.0-RC.1",
        "1.0 = 1 = 1.0.0.0 = 1.00 = 1.0.00 = 1.0.0+metadata",
        "1.0.0.1",
        "1.0.1-aaa",
        "1.0.1-beta",
        "1.0.1-open",
        "1.0.1-zzz",
        "1.0.1",
        "1.01.1 = 1.1.1",
    ),
    # https://getcomposer.org/doc/articles/versions.md, and PHP's version_compare
    "composer": (
        "1.0.0-dev",
        "1.0.0-alpha1 = 1.0.0a1 = v1.0.0-alpha.1",
        "1.0.0-alpha2",
        "1.0.0-beta1 = 1.0-b1",
        "1.0.0-beta2-dev",
        "1.0.0-beta2",
        "1.0.0-RC1 = 1.0.0rc1 = 1.0.0-rc.1",
        "1.0.0 = 1.0 = v1 = 1.0.0.0 = 1.0.0-stable",
        "1.0.0-patch1 = 1.0.0-pl1 = 1.0.0p1",
        "1.0.0-p2",
        "1.0.1",
        "1.9.9",
        "1.10",
        "1.x-dev",
        "2.0.0-alpha",
        "20100102",
        "20100102-203040",
        "20100103",
    ),
    # rpm's parseEVR: no epoch, an empty one and 0 are the same
    "rpm": (
        "1.0-1 = 0:1.0-1 = :1.0-1",
        "1.0-2",
        "1:0.9-1",
    ),
    # https://semver.org, 11
    "cargo": (
        "0.0.0-0",
        "1.0.0-alpha",
        "1.0.0-alpha.1",
        "1.0.0-alpha.beta",
        "1.0.0-beta",
        "1.0.0-beta.2",
        "1.0.0-beta.11",
        "1.0.0-rc.1",
        "1.0.0 = 1.0 = 1 = 1.0.0+build",
        "2.0.0",
        "2.1.0",
        "2.1.1",
    ),
    # pseudo-versions (https://go.dev/ref/mod), and the toolchain's own
    "go": (
        "v0.0.0-20191109021931-daa7c04131f5",
        "v1.2.2",
        "v1.2.3-0.20191109021931-daa7c04131f5",
        "v1.2.3-pre",
        "v1.2.3-pre.0.20191109021931-daa7c04131f5",
        "v1.2.3 = v1.2.3+incompatible = 1.2.3",
        "go1.21rc2 = 1.21.0-rc.2",
        "go1.21rc10",
        "go1.21 = go1.21.0 = 1.21.0 = go1.21.0 X:nocoverageredesign = go1.21.0-X:boringcrypto",
        "go1.21.3",
        "go1.22",
    ),
}


@pytest.mark.parametrize("name", ASCENDING)
def test_the_documents_examples_are_in_their_order(name: str) -> None:
    steps = [step.split(" = ") for step in ASCENDING[name]]
    for place, step in enumerate(steps):
        keys = {SCHEMES[name](version) for version in step}
        assert len(keys) == 1, step
        assert all(SCHEMES[name](other) < min(keys) for earlier in steps[:place] for other in earlier), step


def python_versions(count: int) -> Iterator[str]:
    chance = random.Random(440)
    for _ in range(count):
        epoch = chance.choice(("", "", "", "0!", "1!"))
        release = ".".join(chance.choice(("0", "0", "1", "2", "10", "01")) for _ in range(chance.randint(1, 4)))
        pre = chance.choice(("", "", "a1", "b2", "rc1", ".alpha", "-beta.3", "_pre", "c", "rc12"))
        post = chance.choice(("", "", "", ".post1", "-2", ".rev", "post0", "-r3"))
        dev = chance.choice(("", "", "", ".dev0", "dev1", "-dev_12"))
        local = chance.choice(("", "", "", "+a", "+1", "+abc.1", "+1.a", "+ubuntu-1", "+01"))
        yield f"{chance.choice(('', '', 'v'))}{epoch}{release}{pre}{post}{dev}{local}"


def test_python_versions_are_ordered_as_packaging_orders_them() -> None:
    versions = list(python_versions(2000))
    ours = sorted(range(len(versions)), key=lambda at: (SCHEMES["pypi"](versions[at]), at))
    theirs = sorted(range(len(versions)), key=lambda at: (Version(versions[at]), at))
    assert ours == theirs


@given(st.text(alphabet="0123456789.abcrdevpost+-_!v ", max_size=14))
def test_what_packaging_refuses_is_refused(text: str) -> None:
    if not text or text != text.strip():
        return  # it strips; a version in an image has no blanks
    try:
        Version(text)
    except InvalidVersion:
        with pytest.raises(VersionInvalid):
            SCHEMES["pypi"](text)
    else:
        SCHEMES["pypi"](text)


@pytest.mark.parametrize("name", sorted(SCHEMES))
@pytest.mark.parametrize("version", ["", " ", "1 2", "1\n", "é1", "1" * 300, "\x7f"])
def test_what_is_no_version_of_anything_is_refused(name: str, version: str) -> None:
    if name == "go" and version == "1 2":
        return  # a toolchain built with experiments
    with pytest.raises(VersionInvalid):
        SCHEMES[name](version)


REFUSED = {
    "deb": ("a:1.0", ":1", "1:"),
    "rpm": ("x:1-1", "1:", "-1"),
    "apk": ("1.1.0-r1-r0", "1.0.", "a", "1.0_foo", "1.0-r"),
    "npm": ("latest", "1.2.3.4", "1.2.x", "1.0.0-"),
    "gem": ("a.1", "1..2", "1.0 beta"),
    "go": ("(devel)", "master", "v1.2.3.4"),
    "nuget": ("1.2.3.4.5", "x"),
    "composer": ("dev-master", "1.2.3.4.5", "trunk"),
    "pypi": ("2019-09-12x", "0.2.0-n653", "1.0-SNAPSHOT"),
}


@pytest.mark.parametrize(("name", "version"), [(name, each) for name, found in REFUSED.items() for each in found])
def test_what_has_no_order_is_refused(name: str, version: str) -> None:
    with pytest.raises(VersionInvalid):
        SCHEMES[name](version)


@given(st.sampled_from(sorted(SCHEMES)), st.text(max_size=40))
def test_whatever_it_is_it_is_a_key_within_every_version_or_refused(name: str, text: str) -> None:
    try:
        key = SCHEMES[name](text)
    except VersionInvalid:
        return
    assert encoding.FIRST < key < encoding.after(key) < encoding.BEYOND < encoding.unordered(text)


def test_a_maven_key_differs_from_maven_only_within_its_circle() -> None:
    """Between what is less than nothing more and what is more than it; never against the plain version."""
    versions = sorted({version for pair in excerpt("versions.json")["maven"] for version in pair[:2]})
    versions += ["2.sp.jre", "2-beta-3", "4.snapshot", "4.final.02", "2", "4"]
    differing = 0
    for one, other in itertools.combinations(versions, 2):
        first, second = maven.key(one), maven.key(other)
        if (first > second) - (first < second) != maven.compare(one, other):
            less, more = sorted(next((a, b) for a, b in zip(first, second, strict=False) if a != b))
            assert less < maven.NOTHING_MORE < more, (one, other)
            differing += 1
    assert differing > 0


def test_an_ecosystem_is_known_by_the_names_people_and_osv_use() -> None:
    assert scheme("deb") is scheme("Debian:12") is scheme("Ubuntu:22.04:LTS") is SCHEMES["deb"]
    assert scheme("AlmaLinux:9") is scheme("Rocky Linux:8") is SCHEMES["rpm"]
    assert scheme("PyPI") is scheme("pypi") is SCHEMES["pypi"]
    assert scheme("crates.io") is SCHEMES["cargo"]
    assert scheme("CRAN") is None


def test_the_excerpt_is_the_collections() -> None:
    folder = whole()
    if folder is None:
        pytest.skip("the whole collection of verdicts is not here")
    for name in WITH_VECTORS:
        rows = json.loads(gzip.decompress((folder / "versions" / f"{name}.json.gz").read_bytes()))
        known = {(a, b, VERDICTS.get(verdict, verdict)) for a, b, verdict in rows}
        assert {tuple(pair) for pair in excerpt("versions.json")[name]} <= known
