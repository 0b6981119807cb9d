"""``wharf advisories`` as it is run."""

import contextlib
import hashlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
import zstandard

from tests.cli.server import Server, Wharf
from tests.kit.advisories import excerpt, osv, up_to, write_zip
from tests.kit.images import image
from tests.kit.parts.wharf import wharf
from tests.remote.registries import Asked, Registry, Reply, running
from wharfinger.cli.registries import pushing
from wharfinger.remote import references
from wharfinger.remote.pushing import Content
from wharfinger.scanning.advisories import carrying
from wharfinger.scanning.advisories.database import Advisories
from wharfinger.spec import digest as digests
from wharfinger.spec import media_types

RECORDS = [osv(f"PYSEC-{at}", "PyPI", "pip", *up_to(f"{at + 1}")) for at in range(10)]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Wharf:
    for name in ("XDG_DATA_HOME", "XDG_CONFIG_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    return Wharf(tmp_path / "home", monkeypatch, capsys)


@pytest.fixture
def records(tmp_path: Path) -> Path:
    (tmp_path / "records").mkdir()
    write_zip(tmp_path / "records" / "PyPI.zip", RECORDS)
    return tmp_path / "records"


class TestCompare:
    def test_two_versions(self, command: Wharf) -> None:
        assert command.done("advisories", "compare", "deb", "1.2~rc1", "1.2").out == "-1\n"
        assert command.done("advisories", "compare", "PyPI", "1.0", "1").out == "0\n"
        assert command.done("advisories", "compare", "Rocky Linux:9", "2:1-1", "9-1").out == "1\n"

    @pytest.mark.parametrize("name", ["apk", "deb", "gem", "maven", "npm", "rpm"])
    def test_pairs_on_standard_input_have_an_answer_for_each_line(self, command: Wharf, name: str) -> None:
        pairs = excerpt("versions.json")[name]
        result = command.done("advisories", "compare", name, stdin="".join(f"{a}\t{b}\n" for a, b, _ in pairs))
        assert result.out.split() == [str(verdict) for _, _, verdict in pairs]

    def test_what_cannot_be_compared_is_an_error_on_its_line(self, command: Wharf) -> None:
        result = command("advisories", "compare", "apk", stdin="1\t2\n1.0\tx y\n\n1.0-r1-r0\t1\n2\t1\n")
        assert (result.status, result.err) == (1, "")
        assert result.out.split() == ["-1", "error", "error", "error", "1"]
        assert command("advisories", "compare", "go", "v1.0.0", "(devel)").out == "error\n"

    def test_of_an_unknown_ecosystem_it_says_which_there_are(self, command: Wharf) -> None:
        assert "one of deb, rpm, apk" in command.refused("advisories", "compare", "cobol", "1", "2")
        assert "two versions" in command.refused("advisories", "compare", "deb", "1")


class TestImport:
    def test_what_came_of_it_is_told(self, command: Wharf, records: Path) -> None:
        (records / "bad.json").write_text('{"id": 7, "affected": []}')
        (records / "list.json").write_text("[]")
        result = command("advisories", "import", str(records))
        assert result.status == 0
        assert result.rows == [["PyPI", "10", "10", "0", "0"]]
        assert "Left out as malformed: 1\n  records/bad.json: its id is none" in result.err
        assert "Passed over as something else: 1\n  records/list.json: JSON of some other kind" in result.err
        assert (command.home / "wharfinger" / "advisories.db").is_file()

    def test_as_json(self, command: Wharf, records: Path, tmp_path: Path) -> None:
        database = tmp_path / "x.db"
        first = command.done("advisories", "import", str(records), "--database", str(database), "--json").json
        assert first["sources"] == {"PyPI": {"records": 10, "added": 10, "changed": 0, "removed": 0}}
        assert (first["changed"], first["records"], first["malformed"]) == (True, 10, {"count": 0, "first": []})
        again = command.done("advisories", "import", str(records), "--database", str(database), "--json").json
        assert (again["changed"], again["sha256"]) == (False, first["sha256"])
        status = command.done("advisories", "status", "--database", str(database), "--json").json
        assert status["sha256"] == first["sha256"]
        assert status["sources"] == {"PyPI": {"records": 10, "licence": "CC-BY-4.0"}}
        assert status["ecosystems"] == ["PyPI"]

    def test_a_loss_is_refused_until_it_is_meant(self, command: Wharf, records: Path) -> None:
        command("advisories", "import", str(records))
        write_zip(records / "PyPI.zip", RECORDS[:7])
        assert "PyPI would have 7 records, and had 10" in command.refused("advisories", "import", str(records))
        assert command.done("advisories", "status").rows[1] == ["PyPI", "10", "CC-BY-4.0"]
        assert command("advisories", "import", str(records), "--force").status == 0

    def test_without_a_set_it_says_what_to_do(self, command: Wharf) -> None:
        assert "wharf advisories import" in command.refused("advisories", "status")


class TestUpdate:
    @pytest.fixture
    def mirror(self, records: Path) -> Iterator[Registry]:
        """A plain web server over the folder of records, which knows ETags."""

        def answer(asked: Asked) -> Reply:
            file = records / asked.path.lstrip("/")
            if not file.is_file():
                return 404, {}, b""
            content = file.read_bytes()
            etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
            if asked.headers.get("If-None-Match") == etag:
                return 304, {"ETag": etag}, b""
            return 200, {"ETag": etag}, content

        with running() as server:
            server.answer = answer
            yield server

    @staticmethod
    def sums(records: Path) -> None:
        lines = (f"{hashlib.sha256(each.read_bytes()).hexdigest()}  {each.name}\n" for each in records.glob("*.zip"))
        (records / "SHA256SUMS").write_text("".join(sorted(lines)))

    def update(self, command: Wharf, mirror: Registry, path: str = "/") -> dict[str, object]:
        mirror.asked.clear()
        found = command.done("advisories", "update", f"http://{mirror.host}{path}", "--private", "--json").json
        assert isinstance(found, dict)
        return found

    def test_only_archives_with_another_hash_are_fetched(self, command: Wharf, mirror: Registry, records: Path) -> None:
        write_zip(records / "Go.zip", [osv("GO-1", "Go", "example.com/m", *up_to("2.0.0"))])
        self.sums(records)
        assert self.update(command, mirror)["records"] == 11
        assert self.update(command, mirror) == {"changed": False}
        assert [each.path for each in mirror.asked] == ["/SHA256SUMS"]
        write_zip(records / "PyPI.zip", [*RECORDS, osv("PYSEC-99", "PyPI", "pip", *up_to("2"))])
        self.sums(records)
        changed = self.update(command, mirror)
        assert changed["records"] == 12
        assert [each.path for each in mirror.asked] == ["/SHA256SUMS", "/PyPI.zip"]

    def test_an_archive_that_is_not_what_the_mirror_says_is_refused(
        self, command: Wharf, mirror: Registry, records: Path
    ) -> None:
        (records / "SHA256SUMS").write_text(f"{'0' * 64} *PyPI.zip\n")
        said = command.refused("advisories", "update", f"http://{mirror.host}/", "--private")
        assert "the mirror says 0000" in said
        assert not (command.home / "wharfinger" / "advisories.db").exists()

    def test_a_single_archive_is_known_by_its_etag(self, command: Wharf, mirror: Registry, records: Path) -> None:
        assert self.update(command, mirror, "/PyPI.zip")["records"] == 10
        assert self.update(command, mirror, "/PyPI.zip") == {"changed": False}
        assert mirror.asked[-1].headers["If-None-Match"].startswith('"')

    def test_a_single_archive_is_known_by_the_hash_beside_it(
        self, command: Wharf, mirror: Registry, records: Path
    ) -> None:
        digest = hashlib.sha256((records / "PyPI.zip").read_bytes()).hexdigest()
        (records / "PyPI.zip.sha256").write_text(f"{digest}  PyPI.zip\n")
        assert self.update(command, mirror, "/PyPI.zip")["records"] == 10
        assert self.update(command, mirror, "/PyPI.zip") == {"changed": False}
        assert [each.path for each in mirror.asked] == ["/PyPI.zip.sha256"]

    def test_a_folder_called_all_is_called_by_what_it_is_of(
        self, command: Wharf, mirror: Registry, records: Path
    ) -> None:
        (records / "PyPI").mkdir()
        (records / "PyPI.zip").rename(records / "PyPI" / "all.zip")
        sources = self.update(command, mirror, "/PyPI/all.zip")["sources"]
        assert isinstance(sources, dict)
        assert list(sources) == ["PyPI"]

    def test_an_address_in_here_is_not_asked_unless_that_is_meant(self, command: Wharf, mirror: Registry) -> None:
        assert "https" in command.refused("advisories", "update", f"http://{mirror.host}/")
        command.refused("advisories", "update", "https://127.0.0.1/")
        command.refused("advisories", "update", "https://169.254.169.254/", "--private")
        assert mirror.asked == []

    def test_what_is_no_mirror_is_refused(self, command: Wharf, mirror: Registry, records: Path) -> None:
        at = f"http://{mirror.host}"
        assert "answered 404" in command.refused("advisories", "update", f"{at}/", "--private")
        assert "answered 404" in command.refused("advisories", "update", f"{at}/x.zip", "--private")
        assert "want an archive" in command.refused("advisories", "update", f"{at}/x.html", "--private")
        (records / "SHA256SUMS").write_text(f"{'0' * 64} ../x.zip\nhello\n{'0' * 64} /x.zip\n")
        assert "names no archive" in command.refused("advisories", "update", f"{at}/", "--private")


PASSWORD = "correct horse battery"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with wharf(tmp_path_factory.mktemp("server"), password=PASSWORD) as host:
        yield host


class TestPushAndPull:
    @pytest.fixture
    def pushed(self, command: Wharf, records: Path, host: str) -> str:
        """A set in our own registry, by the login of `wharf login`."""
        command.done("login", f"http://{host}", "--username", "admin", "--password-stdin", stdin=f"{PASSWORD}\n")
        command("advisories", "import", str(records))
        return command.done("advisories", "push", f"{host}/security/advisories:today").out.strip()

    @staticmethod
    def sha256(command: Wharf, *words: str) -> str:
        return str(command.done("advisories", "status", "--json", *words).json["sha256"])

    def test_what_was_pushed_is_what_is_pulled(self, command: Wharf, pushed: str, host: str, tmp_path: Path) -> None:
        elsewhere = ("--database", str(tmp_path / "elsewhere" / "x.db"))
        reference = f"{host}/security/advisories:today"
        first = command.done("advisories", "pull", reference, *elsewhere, "--json").json
        assert first == {"changed": True, "sources": {"PyPI": 10}}
        assert self.sha256(command, *elsewhere) == self.sha256(command)
        assert command.done("advisories", "pull", pushed, *elsewhere, "--json").json == {"changed": False}

    def test_the_same_set_is_the_same_artifact(self, command: Wharf, pushed: str, host: str) -> None:
        assert command.done("advisories", "push", f"{host}/security/advisories:again").out.strip() == pushed

    def test_a_loss_is_refused_until_it_is_meant(
        self, command: Wharf, pushed: str, records: Path, tmp_path: Path
    ) -> None:
        elsewhere = ("--database", str(tmp_path / "x.db"))
        write_zip(records / "PyPI.zip", [*RECORDS, *(each | {"id": f"X-{each['id']}"} for each in RECORDS)])
        command("advisories", "import", str(records), *elsewhere)
        before = self.sha256(command, *elsewhere)
        said = command.refused("advisories", "pull", pushed, *elsewhere)
        assert "PyPI would have 10 records, and had 20" in said
        assert self.sha256(command, *elsewhere) == before
        command.done("advisories", "pull", pushed, *elsewhere, "--force")
        assert self.sha256(command, *elsewhere) == self.sha256(command)

    def test_an_image_is_no_set(self, command: Wharf, pushed: str, host: str) -> None:
        Server(f"http://{host}", PASSWORD, Path()).push("shop/web", image(seed=1), "1")
        assert "no set of advisories" in command.refused("advisories", "pull", f"{host}/shop/web:1")

    @pytest.mark.parametrize(
        "change",
        [
            "CREATE TRIGGER x AFTER INSERT ON fact BEGIN SELECT 1; END",
            "CREATE VIEW x AS SELECT 1",
            "DROP INDEX named_by_name",
            "UPDATE record SET advisory = 'PYSEC-99' WHERE advisory = 'PYSEC-1'",
            "UPDATE fact SET value = 'wharfinger-advisories/0' WHERE name = 'format'",
        ],
    )
    def test_what_is_not_what_it_says_is_not_used(
        self, command: Wharf, pushed: str, host: str, tmp_path: Path, change: str
    ) -> None:
        """Whoever may push could push anything."""
        changed = tmp_path / "changed.db"
        changed.write_bytes((command.home / "wharfinger" / "advisories.db").read_bytes())
        with contextlib.closing(sqlite3.connect(changed)) as connection, connection:
            connection.execute(change)
        before = self.sha256(command)
        found = push_anything(changed, f"{host}/security/changed:1")
        command.refused("advisories", "pull", found, "--database", str(tmp_path / "new.db"))
        assert not (tmp_path / "new.db").exists()
        assert [each.name for each in tmp_path.iterdir() if each.name.endswith(".new")] == []
        assert self.sha256(command) == before

    @pytest.mark.parametrize("cut", [100, -100])
    def test_what_breaks_off_is_not_used(
        self, command: Wharf, pushed: str, host: str, tmp_path: Path, cut: int
    ) -> None:
        packed = zstandard.compress((command.home / "wharfinger" / "advisories.db").read_bytes())[:cut]
        found = push_layer(packed, "0" * 64, f"{host}/security/cut:1")
        assert "ends in the middle" in command.refused(
            "advisories", "pull", found, "--database", str(tmp_path / "n.db")
        )
        assert not (tmp_path / "n.db").exists()


def push_anything(database: Path, to: str) -> str:
    with contextlib.closing(Advisories(database)) as known:
        return push_layer(zstandard.compress(database.read_bytes()), known.sha256, to)


def push_layer(packed: bytes, sha256: str, to: str) -> str:
    layer = Content(digests.of(packed), len(packed), lambda: contextlib.nullcontext((packed,)))
    config = Content(digests.of(b"{}"), 2, lambda: contextlib.nullcontext((b"{}",)))
    reference = references.parse(to)
    with pushing(frozenset()) as (_, pusher):
        pusher.blob(reference, layer)
        pusher.blob(reference, config)
        raw = carrying.manifest(layer, config, sha256)
        return f"{reference.name}@{pusher.manifest(reference, raw, media_types.OCI_MANIFEST, tag='1')}"
