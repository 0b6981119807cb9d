"""``wharf pin`` as it is run: on files of all kinds, against our own registry and somebody else's."""

import base64
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.server import Result, Server, Wharf
from tests.kit.images import image, index
from tests.kit.parts.docker_registry import docker_registry
from tests.kit.parts.wharf import wharf
from tests.remote.registries import Asked, Registry, Reply, running
from wharfinger.errors import Refusal
from wharfinger.tagging.pinning import files
from wharfinger.tagging.pinning.files import Source

PASSWORD = "correct horse battery"
IMAGE, NEWER = index([image(seed=1), image(seed=2)]), image(seed=3)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("server")
    with wharf(folder, password=PASSWORD) as host:
        server = Server(f"http://{host}", PASSWORD, folder / "wharf")
        server.push("shop/web", IMAGE, "1.4", "latest")
        yield server


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Wharf:
    """The command in a folder of its own, logged in nowhere."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path))
    for name in ("DOCKER_CONFIG", "XDG_RUNTIME_DIR"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    monkeypatch.delenv("REGISTRY_AUTH_FILE", raising=False)
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    return Wharf(tmp_path, monkeypatch, capsys)


@pytest.fixture
def anna(command: Wharf, server: Server) -> Wharf:
    """Logged in to our registry."""
    command.done("login", server.url, "--username", "admin", "--password-stdin", stdin=f"{PASSWORD}\n")
    return command


@pytest.fixture
def registry() -> Iterator[Registry]:
    """Somebody else's, open to everybody."""

    def answer(asked: Asked) -> Reply:
        found = IMAGE if asked.path.endswith(("/1.4", "/latest", IMAGE.digest)) else NEWER
        if "/gone/" in asked.path:
            return 404, {}, b""
        return 200, {"Content-Type": found.media_type, "Docker-Content-Digest": found.digest}, found.raw

    with running() as started:
        started.answer = answer
        yield started


def write(name: str, text: str) -> Path:
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode())
    return path


def read(path: Path) -> str:
    return path.read_bytes().decode()


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def host_of(server: Server) -> str:
    return server.url.removeprefix("http://")


def test_our_registry_is_asked_with_the_login_that_there_is(anna: Wharf, server: Server) -> None:
    name = f"{host_of(server)}/shop/web"
    file = write("Dockerfile", f"# kept\r\nFROM {name}:1.4 AS web\r\nCOPY --from={name} /a /b")
    result = anna.done("pin", "--write", "Dockerfile")
    pinned, latest = f"{name}:1.4@{IMAGE.digest}", f"{name}:latest@{IMAGE.digest}"
    assert read(file) == f"# kept\r\nFROM {pinned} AS web\r\nCOPY --from={latest} /a /b"
    assert [(row[0], row[3]) for row in result.rows] == [("Dockerfile:2:6", pinned), ("Dockerfile:3:13", latest)]
    anna.done("pin", "--check", "Dockerfile")


def test_what_nobody_may_pull_is_not_pinned_and_said(command: Wharf, server: Server) -> None:
    text = f"FROM {host_of(server)}/shop/web:1.4\n"
    file = write("Dockerfile", text)
    result = command("pin", "--write", "Dockerfile")
    assert (result.status, read(file)) == (1, text)
    assert "wants credentials" in result.out or "may not be pulled" in result.out


def test_a_tag_that_a_rule_makes_immutable_is_pinned_enough(anna: Wharf, server: Server) -> None:
    name = f"{host_of(server)}/shop/web"
    rules = "version: 1\ntags:\n  - {name: releases, repositories: shop/**, tags: floating, immutable: true}\n"
    anna.done("apply", "--yes", str(write("policy.yaml", rules)))
    file = write("Dockerfile", f"FROM {name}:1.4\nFROM {name}\nFROM other.example.org/shop/web:1.4\n")
    result = anna("pin", "--check", "--format", "json", "Dockerfile")
    assert [row["rule"] for row in result.json] == ["immutable-tag", "no-tag", "mutable-tag"]
    assert result.status == 1
    write("Dockerfile", f"FROM {name}:1.4\n")
    anna.done("pin", "--check", "Dockerfile")
    anna.done("pin", "--write", "Dockerfile")
    assert read(file) == f"FROM {name}:1.4\n"
    anna.done("apply", "--yes", "--prune", str(write("policy.yaml", "version: 1\ntags: []\n")))
    assert "no rule makes this tag immutable" in anna("pin", "--check", "Dockerfile").out


def test_what_our_registry_does_not_tell_is_taken_for_mutable(anna: Wharf, server: Server) -> None:
    write("Dockerfile", f"FROM {host_of(server)}/shop/web:1.4\n")
    anna.login_file.write_text(anna.login_file.read_text().replace('"token": "', '"token": "ended'))
    result = anna("pin", "--check", "Dockerfile")
    assert (result.status, result.rows[0][2]) == (1, "the tag can be moved")
    assert "was asked which tags are immutable: the login to" in result.err


@pytest.mark.system
def test_somebody_elses_registry_says_the_same(command: Wharf, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "registry").mkdir()
    with docker_registry(tmp_path / "registry", username="admin", password=PASSWORD) as host:
        Server(f"http://{host}", PASSWORD, tmp_path).push("shop/web", IMAGE, "1.4")
        file = write(
            "k8s/pod.yaml", f"kind: Pod\napiVersion: v1\nspec: {{containers: [{{image: {host}/shop/web:1.4}}]}}\n"
        )
        assert "wants credentials" in command("pin", "--write", "k8s").out
        auth = base64.b64encode(f"admin:{PASSWORD}".encode()).decode()
        (tmp_path / "home" / "config.json").write_text(f'{{"auths": {{"{host}": {{"auth": "{auth}"}}}}}}')
        command.done("pin", "--write", "k8s")
        assert f"image: {host}/shop/web:1.4@{IMAGE.digest}}}" in read(file)


@pytest.mark.parametrize("text", ["FROM {0}/a:1.4", "\ufeffFROM\t{0}/a:1.4\r\n# ü\r\n", "FROM {0}/a:1.4\n\n\n"])
def test_marks_line_ends_and_blanks_are_left_as_they_are(command: Wharf, registry: Registry, text: str) -> None:
    file = write("Dockerfile", text.format(registry.host))
    command.done("pin", "--write", "Dockerfile")
    assert read(file) == text.replace("1.4", f"1.4@{IMAGE.digest}").format(registry.host)


def test_check_asks_nobody_changes_nothing_and_says_where(command: Wharf, registry: Registry) -> None:
    text = f"services:\n  web:\n    image: {registry.host}/a:1.4\n  db: {{image: postgres}}\n"
    file = write("compose.yml", text)
    result = command("pin", "--check", ".")
    assert (result.status, read(file), registry.asked) == (1, text, [])
    assert [row[:3] for row in result.rows] == [
        ["compose.yml:3:12", f"{registry.host}/a:1.4", "the tag can be moved"],
        ["compose.yml:4:15", "postgres", "no tag, which means latest"],
    ]
    assert "2 not pinned" in result.err
    assert command.done("pin", ".").rows == result.rows


def test_as_json_and_as_sarif(command: Wharf) -> None:
    digest = f"sha256:{'a' * 64}"
    write(
        "k8s/my pod.yaml", f"apiVersion: v1\nkind: Pod\nspec:\n  containers:\n  - image: a:1@{digest}\n  - image: b\n"
    )
    told = command("pin", "--check", "--format", "json", "k8s").json
    assert [(row["reference"], row["rule"], row["line"], row["column"]) for row in told] == [
        (f"a:1@{digest}", "pinned", 5, 12),
        ("b", "no-tag", 6, 12),
    ]
    log = command("pin", "--check", "--format", "sarif", "k8s").json
    run = log["runs"][0]
    assert (log["version"], run["tool"]["driver"]["name"]) == ("2.1.0", "wharf pin")
    [result] = run["results"]
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == result["ruleId"] == "no-tag"
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "k8s/my%20pod.yaml"
    assert place["region"] == {"startLine": 6, "startColumn": 12, "endColumn": 13}
    write("ok.yaml", "a: 1\n")
    assert command.done("pin", "--check", "--format", "sarif", "ok.yaml").json["runs"][0]["results"] == []


def test_what_cannot_be_resolved_stays_and_the_rest_is_pinned(command: Wharf, registry: Registry) -> None:
    file = write("Dockerfile", f"FROM {registry.host}/gone:1.4\nFROM {registry.host}/a:1.4\n")
    result = command("pin", "--write", "Dockerfile")
    assert result.status == 1
    assert read(file) == f"FROM {registry.host}/gone:1.4\nFROM {registry.host}/a:1.4@{IMAGE.digest}\n"
    assert "does not have it" in result.out


def test_update_follows_the_tag_and_without_it_a_digest_stays(command: Wharf, registry: Registry) -> None:
    old, other = f"{registry.host}/a:1.5@{IMAGE.digest}", f"{registry.host}/a@{IMAGE.digest}"
    file = write("Dockerfile", f"FROM {old}\nFROM {other}\n")
    command.done("pin", "--write", "Dockerfile")
    assert read(file) == f"FROM {old}\nFROM {other}\n"
    assert registry.asked == []
    result = command.done("pin", "--write", "--update", "Dockerfile")
    assert read(file) == f"FROM {registry.host}/a:1.5@{NEWER.digest}\nFROM {other}\n"
    assert [row[3] for row in result.rows] == [f"{registry.host}/a:1.5@{NEWER.digest}", ""]
    before = file.stat().st_mtime_ns
    command.done("pin", "--write", "--update", "Dockerfile")
    assert file.stat().st_mtime_ns == before


def test_drop_tag_writes_the_digest_alone(command: Wharf, registry: Registry) -> None:
    file = write("Dockerfile", f"FROM {registry.host}/a:1.4\n")
    command.done("pin", "--write", "--drop-tag", "Dockerfile")
    assert read(file) == f"FROM {registry.host}/a@{IMAGE.digest}\n"


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("x.yaml", b"a: [", "not YAML"),
        ("t.yaml", b"a: {{ .x }}\nb: {{- end }}\n", "a template"),
        ("latin.yaml", b"a: \xff", "not text in UTF-8"),
        ("notes.txt", b"nginx", "neither YAML nor a Dockerfile"),
        ("nowhere.yaml", None, "cannot read it: No such file"),
        ("large.yaml", b"#" * (files.BYTES_AT_MOST + 1), "more than 4194304 bytes"),
    ],
)
def test_a_file_that_cannot_be_read_is_told_of_and_fails(
    command: Wharf, name: str, content: bytes | None, why: str
) -> None:
    if content is not None:
        Path(name).write_bytes(content)
    for words in ((), ("--check",), ("--write",)):
        result = command("pin", *words, name)
        assert result.status == 1
        assert why in result.out


def test_folders_are_looked_through_but_for_what_is_hidden_or_left_out(command: Wharf) -> None:
    for name in ("k8s/a.yaml", "k8s/old/b.yaml", ".git/c.yaml", "node_modules/d.yaml", "charts/templates/e.yaml"):
        write(name, "apiVersion: v1\nkind: Pod\nspec: {containers: [{image: x}]}\n")
    write(".github/workflows/f.yml", "on: push\njobs: {a: {container: x}}\n")
    write("notes.md", "image: x")
    found = {row[0].partition(":")[0] for row in command("pin", ".", "--exclude", "templates").rows}
    assert found == {"k8s/a.yaml", "k8s/old/b.yaml", ".github/workflows/f.yml"}
    found = {
        row[0].partition(":")[0] for row in command("pin", ".", "--exclude", "k8s/*/*.yaml", "--exclude", "f.yml").rows
    }
    assert found == {"k8s/a.yaml", "charts/templates/e.yaml"}


def test_mode_and_links_stay(command: Wharf, registry: Registry) -> None:
    file = write("real/Dockerfile", f"FROM {registry.host}/a:1.4\n")
    file.chmod(0o640)
    Path("Dockerfile").symlink_to(file)
    command.done("pin", "--write", "Dockerfile")
    assert Path("Dockerfile").is_symlink()
    assert IMAGE.digest in read(file)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert names(Path("real")) == ["Dockerfile"]


def test_a_file_that_changed_meanwhile_is_left_to_whoever_changed_it(command: Wharf, registry: Registry) -> None:
    file = write("Dockerfile", f"FROM {registry.host}/a:1.4\n")
    honest = registry.answer

    def answer(asked: Asked) -> Reply:
        file.write_text("FROM mine:1\n")
        return honest(asked)

    registry.answer = answer
    result = command("pin", "--write", "Dockerfile")
    assert result.status == 1
    assert "it was changed meanwhile" in result.out
    assert read(file) == "FROM mine:1\n"
    assert names(Path()) == ["Dockerfile"]


def test_a_file_that_cannot_be_written_stays_whole(tmp_path: Path) -> None:
    file = tmp_path / "Dockerfile"
    file.write_text("FROM a\n")
    gone = Source(tmp_path / "gone" / "Dockerfile", b"", "")
    with pytest.raises(Refusal, match="cannot write it"):
        files.replace(gone, "x")
    with pytest.raises(Refusal, match="changed meanwhile"):
        files.replace(Source(file, b"FROM b\n", "FROM b\n"), "x")
    assert file.read_text() == "FROM a\n"
    assert names(tmp_path) == ["Dockerfile"]


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("--check", "--write"), "not both"),
        (("--update",), "go with --write"),
        (("--drop-tag", "--check"), "go with --write"),
    ],
)
def test_what_does_not_go_together_is_refused(command: Wharf, words: tuple[str, ...], why: str) -> None:
    write("Dockerfile", "FROM a\n")
    assert why in command.refused("pin", *words, "Dockerfile")


def test_plain_http_elsewhere_only_where_it_is_named(command: Wharf) -> None:
    write("Dockerfile", "FROM registry.invalid:5000/a:1\n")
    assert "https://registry.invalid:5000" in rows_of(command("pin", "--write", "Dockerfile"))
    assert "http://registry.invalid:5000" in rows_of(
        command("pin", "--write", "--plain-http", "registry.invalid:5000", "Dockerfile")
    )


def rows_of(result: Result) -> str:
    assert result.status == 1
    return result.out
