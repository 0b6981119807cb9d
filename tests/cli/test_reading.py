"""repos, tags and show: for people, for pipes, and for programs."""

import pytest

from tests.cli.server import Server, Wharf
from tests.cli.terminal import at_a_terminal
from tests.kit.images import image, made
from wharfinger.spec import media_types

IMAGE = image(layers=[b"one", b"two"], seed=1, annotations={"note": "bell\a"})


def test_repositories_in_a_pipe_are_lines_of_tabs(admin: Wharf, server: Server) -> None:
    server.push("reading/one", IMAGE, "1", "2")
    row = next(row for row in admin.done("repos").rows if row[0] == "reading/one")
    assert row[1:4] == ["2", "1", str(sum(len(blob) for blob in IMAGE.blobs.values()))]
    assert row[4].endswith("Z")


def test_lists_are_complete_however_many_pages_they_have(admin: Wharf, server: Server) -> None:
    tags = sorted(f"v{i}" for i in range(230))
    server.push("reading/many", IMAGE, *tags)
    assert [row[0] for row in admin.done("tags", "reading/many").rows] == tags
    assert [row["name"] for row in admin.done("tags", "reading/many", "--json").json] == tags


def test_repositories_as_json(admin: Wharf, server: Server) -> None:
    server.push("reading/json", IMAGE)
    found = next(row for row in admin.done("repos", "--json").json if row["name"] == "reading/json")
    assert found["manifests"] == 1


def test_tags_say_what_they_point_at(admin: Wharf, server: Server) -> None:
    server.push("reading/tags", IMAGE, "1.4")
    name, moved, digest = admin.done("tags", "reading/tags").rows[0]
    assert (name, digest) == ("1.4", IMAGE.digest)
    assert moved.startswith("20")


def test_an_image_is_shown_by_tag_and_by_digest(admin: Wharf, server: Server) -> None:
    server.push("reading/show", IMAGE, "1.4", "latest")
    shown = admin.done("show", "reading/show:1.4").out
    assert shown == admin.done("show", f"reading/show@{IMAGE.digest}").out
    assert f"Digest:        {IMAGE.digest}" in shown
    assert "Tags:          1.4, latest" in shown
    assert "note=bell\ufffd" in shown
    assert shown.count("\nlayer\t") == 2
    assert admin.done("show", "reading/show:1.4", "--json").json["digest"] == IMAGE.digest


def test_an_index_shows_its_platforms(admin: Wharf, server: Server) -> None:
    child = {**IMAGE.descriptor, "platform": {"os": "linux", "architecture": "arm64"}}
    server.push("reading/index", made(media_types.OCI_INDEX, {"manifests": [child]}, children=[IMAGE]), "multi")
    assert f"\nlinux/arm64\t{len(IMAGE.raw)}\t{IMAGE.digest}" in admin.done("show", "reading/index:multi").out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("tags", "reading/nothing"), "repository reading/nothing is not known"),
        (("tags", "Reading"), "invalid repository name"),
        (("show", "reading/nothing:1"), "repository reading/nothing is not known"),
        (("show", "reading/nothing"), "say which one, reading/nothing:TAG"),
        (("show", "reading:5000/nothing"), "say which one"),
        (("show", "reading/nothing@sha256:0"), "invalid digest"),
        (("show", "reading/nothing:"), "invalid tag"),
        (("show", ":1"), "invalid repository name"),
    ],
)
def test_what_cannot_be_shown_is_one_clear_line(admin: Wharf, words: tuple[str, ...], expected: str) -> None:
    assert expected in admin.refused(*words)


def test_on_a_terminal_there_are_headings_and_whole_digests(admin: Wharf, server: Server) -> None:
    server.push("reading/terminal", IMAGE, "1.4")
    status, screen = at_a_terminal(["tags", "reading/terminal"])
    assert status == 0
    assert "Digest" in screen
    assert IMAGE.digest in screen
    assert "\t" not in screen
