"""The databases of distributions: real ones, and all the kinds that RPM has had."""

import gzip
import sqlite3
from pathlib import Path

import pytest

from tests.kit import rpms
from tests.kit.layers import Tree, catalogue, dpkg_status
from wharfinger.scanning.packages import Package, Source

DATA = Path(__file__).parents[1] / "data" / "scanning"
DEBIAN = "ID=debian\nVERSION_ID=12\n"


def data(name: str) -> bytes:
    return gzip.decompress((DATA / name).read_bytes())


def named(tree: Tree) -> dict[str, Package]:
    image = catalogue(tree)
    assert image.problems == ()
    return {package.name: package for package in image.packages}


def test_debian() -> None:
    tree: Tree = {"var/lib/dpkg/status": data("debian-12-status.gz"), "etc/os-release": DEBIAN}
    packages = named(tree)
    assert len(packages) == 123
    assert packages["libssl3"].source is not None
    assert packages["libssl3"].source.name == "openssl"
    assert packages["bash"].purl == f"pkg:deb/debian/bash@{packages['bash'].version.replace('+', '%2B')}?arch=amd64&distro=debian-12"  # fmt: skip  # noqa: E501


@pytest.mark.parametrize(
    ("status", "is_there"),
    [
        ("install ok installed", True),
        ("hold ok installed", True),
        ("install ok unpacked", True),
        ("deinstall ok config-files", False),
        ("purge ok not-installed", False),
        ("deinstall ok installed", True),
    ],
)
def test_what_dpkg_has_removed_is_not_there(status: str, *, is_there: bool) -> None:
    text = f"Package: a\nStatus: {status}\nVersion: 1\n"
    assert bool(catalogue({"var/lib/dpkg/status": text}).packages) is is_there


def test_a_source_has_its_own_version_where_dpkg_says_so() -> None:
    text = "Package: a\nStatus: install ok installed\nVersion: 1+b1\nSource: b (1)\nDescription: x\n Source: c\n"
    assert named({"var/lib/dpkg/status": text})["a"].source == Source("b", "1")


def test_distroless_has_a_file_for_each_package() -> None:
    folder = "var/lib/dpkg/status.d"
    tree: Tree = {
        f"{folder}/base": "Package: base-files\nVersion: 12.4\nArchitecture: amd64\n",
        f"{folder}/base.md5sums": "d41d8cd98f00b204e9800998ecf8427e  usr/lib/python3/x.dist-info/METADATA\n",
        "usr/lib/python3/x.dist-info/METADATA": "Name: x\nVersion: 1\n",
    }
    assert {name: package.covered_by for name, package in named(tree).items()} == {"base-files": None, "x": None}
    tree = {**tree, f"{folder}/base-files.md5sums": tree[f"{folder}/base.md5sums"]}
    assert named(tree)["x"].covered_by == "pkg:deb/base-files@12.4?arch=amd64"


@pytest.mark.parametrize("path", ["lib/apk/db/installed", "usr/lib/apk/db/installed"])
def test_alpine(path: str) -> None:
    tree: Tree = {path: data("alpine-3.20-installed.gz"), "etc/os-release": "ID=alpine\nVERSION_ID=3.20.3\n"}
    packages = named(tree)
    assert len(packages) == 14
    assert packages["libssl3"].source == Source("openssl", "3.3.2-r0")
    assert packages["musl"].purl == "pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.3"


def test_what_a_package_of_the_distribution_brought_is_covered_by_it() -> None:
    metadata = "usr/lib/python3/dist-packages/idna-3.3.dist-info/METADATA"
    tree: Tree = {
        "etc/os-release": DEBIAN,
        "var/lib/dpkg/status": dpkg_status(**{"python3-idna": "3.3-1"}),
        "var/lib/dpkg/info/python3-idna.list": f"/.\n/usr\n/{metadata}\n",
        metadata: "Name: idna\nVersion: 3.3\n\nVersion: 4\n",
    }
    covered = "pkg:deb/debian/python3-idna@3.3-1?arch=amd64&distro=debian-12"
    assert named(tree)["idna"].covered_by == covered
    # replaced behind the distribution's back by a higher layer, it is judged by itself again
    above = catalogue(tree, {metadata: "Name: idna\nVersion: 3.4\n"})
    assert [(each.version, each.covered_by) for each in above.packages if each.name == "idna"] == [("3.4", None)]
    # and where the distribution's package is gone, nobody is there to judge for it
    gone = catalogue({**tree, "var/lib/dpkg/status": "\n"})
    assert [each.covered_by for each in gone.packages] == [None]


@pytest.mark.parametrize("folder", ["opt/shop", "usr/local/lib", "srv", "home/shop", "root"])
def test_what_is_where_distributions_put_nothing_is_not_covered_by_a_package_of_somebody_else(folder: str) -> None:
    """A vendor's deb with everything in /opt is known to no advisory of Debian; what is in it may be."""
    metadata = f"{folder}/idna-3.3.dist-info/METADATA"
    tree: Tree = {
        "etc/os-release": DEBIAN,
        "var/lib/dpkg/status": dpkg_status(shop="1"),
        "var/lib/dpkg/info/shop.list": f"/.\n/{metadata}\n",
        metadata: "Name: idna\nVersion: 3.3\n",
    }
    assert named(tree)["idna"].covered_by is None


BASH = rpms.header(name="bash", version="5.1.8", release="6.el9", arch="x86_64", source="bash-5.1.8-6.el9.src.rpm")
SSL = rpms.header(
    name="openssl-libs", version="3.0.1", release="43.el9_0", epoch=[1], arch="x86_64", vendor="AlmaLinux",
    source="openssl-3.0.1-43.el9_0.src.rpm", modularity="m:1:2:c", folders=["/usr/lib64/", "/etc/"],
    base_names=["libssl.so.3", "x"], folder_of=[0, 1],
)  # fmt: skip
KEY = rpms.header(name="gpg-pubkey", version="1", release="1")
MANY = rpms.header(name="many", version="1", release="1", base_names=[f"f{n}" for n in range(3000)], folder_of=[0] * 3000, folders=["/usr/lib/many/"])  # fmt: skip  # noqa: E501
HEADERS = [BASH, SSL, KEY, MANY]


def expected(packages: dict[str, Package]) -> None:
    assert set(packages) == {"bash", "openssl-libs", "many"}
    ssl = packages["openssl-libs"]
    assert (ssl.version, ssl.source) == ("1:3.0.1-43.el9_0", Source("openssl", "1:3.0.1-43.el9_0"))
    assert ssl.detail == {"modularity": "m:1:2:c", "vendor": "AlmaLinux"}
    assert ssl.purl == "pkg:rpm/openssl-libs@3.0.1-43.el9_0?arch=x86_64&epoch=1"
    assert packages["many"].source == Source("many", "1-1")


@pytest.mark.parametrize("folder", ["var/lib/rpm", "usr/lib/sysimage/rpm"])
def test_rpm_in_sqlite(folder: str, tmp_path: Path) -> None:
    files = rpms.sqlite(tmp_path / "db", HEADERS)
    expected(named({f"{folder}/rpmdb.sqlite": files["rpmdb.sqlite"]}))


@pytest.mark.parametrize("turned", [False, True])
def test_rpm_in_sqlite_with_what_is_in_its_log_alone(tmp_path: Path, *, turned: bool) -> None:
    files = rpms.sqlite(tmp_path / "db", HEADERS[:1], logged=HEADERS[1:])
    order = sorted(files, reverse=turned)
    expected(named({f"var/lib/rpm/{name}": files[name] for name in order}))
    assert set(named({"var/lib/rpm/rpmdb.sqlite": files["rpmdb.sqlite"]})) == {"bash"}


def test_a_log_without_its_database_is_a_problem() -> None:
    image = catalogue({"var/lib/rpm/rpmdb.sqlite": b""}, {"var/lib/rpm/rpmdb.sqlite-wal": b"x"})
    assert [problem.layer for problem in image.problems] == ["layer-0", "layer-1"]


def test_a_deep_table_in_sqlite_is_read_in_order(tmp_path: Path) -> None:
    headers = [rpms.header(name=f"p{n}", version="1", release="x" * (n * 7 % 3000)) for n in range(400)]
    files = rpms.sqlite(tmp_path / "db", headers)
    database = sqlite3.connect(tmp_path / "db")
    assert [blob for (blob,) in database.execute("SELECT blob FROM Packages")] == headers
    database.close()
    assert len(named({"var/lib/rpm/rpmdb.sqlite": files["rpmdb.sqlite"]})) == 400


def test_rpm_in_ndb() -> None:
    expected(named({"usr/lib/sysimage/rpm/Packages.db": rpms.ndb(HEADERS)}))


@pytest.mark.parametrize("order", ["<", ">"])
def test_rpm_in_berkeley_db(order: str) -> None:
    expected(named({"var/lib/rpm/Packages": rpms.bdb(HEADERS, order)}))


@pytest.mark.parametrize("database", ["rpm", "apk"])
def test_what_rpm_and_apk_brought_is_covered_too(database: str) -> None:
    folder = "usr/lib/python3/idna.dist-info"
    header = rpms.header(
        name="python-idna", version="3", release="1", folders=[f"/{folder}/"], base_names=["METADATA"], folder_of=[0]
    )
    databases: dict[str, Tree] = {
        "rpm": {"var/lib/rpm/Packages.db": rpms.ndb([header])},
        "apk": {"lib/apk/db/installed": f"P:python-idna\nV:3-1\nF:{folder}\nR:METADATA\n\n"},
    }
    tree = {**databases[database], f"{folder}/METADATA": "Name: idna\nVersion: 3.3\n"}
    assert named(tree)["idna"].covered_by == f"pkg:{database}/python-idna@3-1"


def test_a_database_made_by_rpm_itself() -> None:
    packages = named({"var/lib/rpm/rpmdb.sqlite": data("rpmdb.sqlite.gz")})
    assert {name: package.version for name, package in packages.items()} == {
        "bash": "5.1.8-9.el9",
        "curl": "7.76.1-14.el9",
        "expat": "2.2.10-12.el9",
        "nodejs": "1:16.20.2-3.module_el9.2.0+36+853e48f5",
        "openssl-libs": "1:3.0.1-43.el9_0",
        "zlib": "1.2.11-31.el9",
    }
