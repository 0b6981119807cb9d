"""What is seen of layers laid one over the other, and which layer brought it."""

import pytest

from tests.kit.layers import Link, Tree, catalogue, dpkg_status, found, read
from wharfinger.scanning.layers import LayerCatalogue
from wharfinger.scanning.limits import Unreadable
from wharfinger.scanning.packages import Distribution
from wharfinger.scanning.squashing import squash

STATUS = "var/lib/dpkg/status.d/a"  # a file that says something, in folders that can be hidden
A1: Tree = {STATUS: dpkg_status(a="1")}
ELSEWHERE: Tree = {"var/lib/dpkg/status": dpkg_status(a="1")}
A2: Tree = {STATUS: dpkg_status(a="2")}


@pytest.mark.parametrize(
    ("layers", "seen"),
    [
        ([A1], {"a 1"}),
        ([A1, A2], {"a 2"}),
        ([A1, {"var/lib/dpkg/status.d/.wh.a": b""}], set()),
        ([A1, {"var/lib/dpkg/.wh.status.d": b""}], set()),
        ([A1, {".wh.var": b""}], set()),
        ([A1, {"./var/lib/dpkg/status.d/.wh.a": b""}], set()),
        ([A1, {"var/lib/dpkg/status.d/.wh..wh..opq": b""}], set()),
        ([A1, {"var/.wh..wh..opq": b""}], set()),
        ([A1, {".wh..wh..opq": b""}], set()),
        ([A1, {"var/lib/dpkg/status.d/.wh.b": b""}], {"a 1"}),
        ([A1, {"var/lib/dpkg/status.d/a/.wh..wh..opq": b""}], {"a 1"}),
        ([A1, {"var/.wh..wh.plnk": b"", "var/.wh..wh.aufs": b""}], {"a 1"}),
        # a layer hides what lies below it, and nothing of itself, whatever the order of its entries
        ([A1, {"var/lib/dpkg/status.d/.wh.a": b"", **A2}], {"a 2"}),
        ([A1, {**A2, "var/lib/dpkg/status.d/.wh.a": b""}], {"a 2"}),
        ([A1, {"var/.wh..wh..opq": b"", **A2}], {"a 2"}),
        ([A1, {**A2, "var/.wh..wh..opq": b""}], {"a 2"}),
        ([A1, {"var/.wh..wh..opq": b"", "var/lib/dpkg/status.d/b": dpkg_status(b="1")}], {"b 1"}),
        # hidden and there again
        ([A1, {".wh.var": b""}, A1], {"a 1"}),
        ([A1, {".wh.var": b""}, {"var/lib/dpkg/status.d/b": dpkg_status(b="1")}], {"b 1"}),
        # something else in its place
        ([A1, {STATUS: b"no package"}], set()),
        ([A1, {STATUS: Link("b")}], set()),
        ([A1, {f"{STATUS}/": None}], set()),
        ([A1, {"var/lib/dpkg": b"a file where a folder was"}], set()),
        ([A1, {"var/lib": Link("/srv")}], set()),
        ([A1, {"var/lib/": None}], {"a 1"}),
        # a whiteout in the lowest layer hides nothing
        ([{"var/lib/dpkg/status.d/.wh.a": b"", **A1}], {"a 1"}),
    ],
)
def test_whiteouts(layers: list[Tree], seen: set[str]) -> None:
    assert found(catalogue(*layers)) == seen


@pytest.mark.parametrize(
    ("layers", "introduced"),
    [
        ([A1], "layer-0"),
        ([A1, {}, A1], "layer-0"),
        ([A1, {STATUS: dpkg_status(a="1", b="2")}], "layer-0"),
        ([A2, A1, A1], "layer-1"),
        ([A1, A2, A1], "layer-2"),
        ([A1, {".wh.var": b""}, A1], "layer-2"),
        ([A1, {".wh.var": b"", **A1}], "layer-0"),
        # moved without a gap
        ([A1, ELSEWHERE, {".wh..wh..opq": b"", **ELSEWHERE}], "layer-0"),
        ([A1, {".wh.var": b""}, ELSEWHERE], "layer-2"),
    ],
)  # fmt: skip
def test_the_layer_that_introduced_a_package_is_the_lowest_of_an_unbroken_run(
    layers: list[Tree], introduced: str
) -> None:
    (package,) = (package for package in catalogue(*layers).packages if package.name == "a")
    assert (package.version, package.layer) == ("1", introduced)


def test_a_folder_that_was_a_link_to_usr_is_the_same_folder() -> None:
    installed = "P:musl\nV:1.2.5-r0\nA:x86_64\n\n"
    lower: Tree = {"usr/lib/apk/db/installed": installed}
    assert found(catalogue(lower, {"lib/apk/db/.wh.installed": b""})) == set()


DEBIAN = 'ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n'


@pytest.mark.parametrize(
    ("tree", "is_debian"),
    [
        ({"etc/os-release": DEBIAN}, True),
        ({"usr/lib/os-release": DEBIAN}, True),
        ({"etc/os-release": Link("../usr/lib/os-release"), "usr/lib/os-release": DEBIAN}, True),
        ({"etc/os-release": Link("/usr/lib/os-release"), "usr/lib/os-release": DEBIAN}, True),
        ({"etc/os-release": Link("os-release"), "usr/lib/os-release": DEBIAN}, True),
        ({"etc/os-release": Link("../../../etc/os-release-other"), "etc/os-release-other": DEBIAN}, False),
        ({"etc/os-release": "ID=alpine\n", "usr/lib/os-release": DEBIAN}, False),
        ({"srv/os-release": DEBIAN}, False),
        ({"etc/os-release": Link("../usr/lib/os-release"), "usr/lib/os-release": Link("os.d/os-release"),
          "usr/lib/os.d/os-release": DEBIAN}, True),
        ({"etc/os-release": Link("../usr/lib/os-release"), "usr/lib/os-release": Link("os.release.d/os-release-cloud"),
          "usr/lib/os.release.d/os-release-cloud": DEBIAN}, True),
        ({"usr/lib/os.release.d/os-release-cloud": DEBIAN}, False),
        ({"usr/lib/os-release": DEBIAN, "etc/os-release": Link("usr/lib/os-release", hard=True)}, True),
    ],
)  # fmt: skip
def test_the_distribution_is_found_through_links(tree: Tree, *, is_debian: bool) -> None:
    known = catalogue(tree).distribution == Distribution("debian", "12", "bookworm")
    assert known is is_debian


@pytest.mark.parametrize("file", ["bin/sh", "usr/lib/aarch64-linux-gnu/libc.so.6", "lib/ld-musl-x86_64.so.1"])
@pytest.mark.parametrize("above", [{".wh.var": b""}, {"var/lib/dpkg/status.d/.wh.a": b""}, {STATUS: b"no package"}])
def test_a_distribution_without_a_list_of_its_packages_is_not_all_that_is_there(above: Tree, file: str) -> None:
    below: Tree = {"usr/lib/os-release": DEBIAN, file: b"", **A1}
    assert catalogue(below).problems == ()
    problem = catalogue(below, above).problems[-1]
    assert (problem.layer, problem.path) == ("layer-0", "usr/lib/os-release")
    assert "debian, of whose packages no list was found" in problem.reason
    assert problem not in catalogue(below, above, ELSEWHERE).problems


def test_the_name_of_a_distribution_without_its_files_is_no_distribution() -> None:
    assert catalogue({"usr/lib/os-release": DEBIAN, "app/static": b"", "etc/passwd": b""}).problems == ()


def test_a_distribution_in_a_higher_layer_is_the_one() -> None:
    assert catalogue({"usr/lib/os-release": DEBIAN}, {"usr/lib/os-release": "ID=x\nVERSION_ID=1\n"}).distribution == (
        Distribution("x", "1")
    )


def test_layers_that_are_kept_say_the_same() -> None:
    trees: list[Tree] = [A1, {"var/.wh.lib": b"", "srv/x": b"1", "srv/y/": None}, A2]
    kept = read(trees)
    assert squash(kept) == squash([LayerCatalogue.from_json(each.to_json()) for each in kept])
    assert [each.to_json() for each in kept] == [each.to_json() for each in read(trees)]


@pytest.mark.parametrize("raw", [b"", b"[]", b"{}", b'{"layer":"x","files":"AAAA"}', b'{"layer":1}', b"[" * 10_000])
def test_what_is_no_kept_layer_is_refused(raw: bytes) -> None:
    with pytest.raises(Unreadable):
        LayerCatalogue.from_json(raw)


def test_an_image_may_have_many_layers() -> None:
    trees: list[Tree] = [{f"var/lib/dpkg/status.d/p{n}": dpkg_status(**{f"p{n}": "1"})} for n in range(200)]
    assert len(catalogue(*trees).packages) == 200
