"""Red Hat's and SUSE's packages: three kinds of database around the same headers. Pure."""

from collections.abc import Iterator

from wharfinger.scanning.cataloguers import rpm_bdb, rpm_ndb, rpm_sqlite
from wharfinger.scanning.cataloguers.kind import Cataloguer
from wharfinger.scanning.cataloguers.rpm_header import Header
from wharfinger.scanning.contents import Content, File
from wharfinger.scanning.layers import Found, Owned, Statement, hashes
from wharfinger.scanning.packages import Source

_FOLDERS = ("var/lib/rpm/", "usr/lib/sysimage/rpm/", "usr/share/rpm/")
_LOG = "-wal"


def _sqlite(file: File) -> Iterator[Statement]:
    log = file.beside.get(_LOG)
    return _packages(rpm_sqlite.rows(file.content, log if log is not None and log.size else None, "Packages"))


def _ndb(file: File) -> Iterator[Statement]:
    return _packages(rpm_ndb.blobs(file.content))


def _bdb(file: File) -> Iterator[Statement]:
    return _packages(rpm_bdb.values(file.content))


def _packages(blobs: Iterator[Content]) -> Iterator[Statement]:
    for blob in blobs:
        header = Header(blob)
        name = header.text("name")
        if not name or name == "gpg-pubkey":  # a key that somebody trusts is kept as if it were a package
            continue
        yield _found(name, header)
        if files := header.files():
            yield Owned(name, hashes(files))


def _found(name: str, header: Header) -> Found:
    epoch = header.number("epoch")
    before = f"{epoch}:" if epoch else ""
    version = f"{before}{header.text('version')}-{header.text('release')}"
    says = {"modularity": header.text("modularity"), "vendor": header.text("vendor")}
    return Found(
        "rpm",
        name,
        version,
        _source(header.text("source"), before) or Source(name, version),
        header.text("arch"),
        detail={key: value for key, value in says.items() if value},
    )


def _source(file: str, epoch: str) -> Source | None:
    """``bash-5.1.8-6.el9.src.rpm``; its epoch is in no file name, and is that of what was built from it."""
    name, _, rest = file.removesuffix(".rpm").rpartition(".")[0].rpartition("-")
    name, _, version = name.rpartition("-")
    return Source(name, f"{epoch}{version}-{rest}") if name else None


def _in_place(path: str) -> bool:
    return path.startswith(_FOLDERS)


SQLITE = Cataloguer("rpm", _sqlite, names=frozenset({"rpmdb.sqlite"}), accepts=_in_place, beside=(_LOG,))
NDB = Cataloguer("rpm", _ndb, names=frozenset({"Packages.db"}), accepts=_in_place)
BDB = Cataloguer("rpm", _bdb, names=frozenset({"Packages"}), accepts=_in_place)
