import pytest

from tests.cli.server import Server, Wharf
from tests.cli.terminal import at_a_terminal
from tests.kit.images import image, index

IMAGE = image(seed=3)


def test_a_tag_is_removed_and_the_manifest_stays(admin: Wharf, server: Server) -> None:
    server.push("rm/tag", IMAGE, "1", "2")
    assert "the manifest is still there" in admin.done("rm", "rm/tag:1").out
    assert [row[0] for row in admin.done("tags", "rm/tag").rows] == ["2"]
    assert "tag 1 is not known in rm/tag" in admin.refused("rm", "rm/tag:1")


def test_a_manifest_goes_with_its_tags(admin: Wharf, server: Server) -> None:
    server.push("rm/manifest", IMAGE, "1", "2")
    admin.done("rm", f"rm/manifest@{IMAGE.digest}", "--yes")
    assert admin.done("tags", "rm/manifest").rows == []


def test_without_yes_and_a_terminal_nothing_is_removed(admin: Wharf, server: Server) -> None:
    server.push("rm/asked", IMAGE, "1", "2")
    result = admin("rm", f"rm/asked@{IMAGE.digest}", stdin="y\n")
    assert result.status == 1
    assert f"This removes rm/asked@{IMAGE.digest} and with it the tags 1, 2." in result.out
    assert "--yes" in result.err
    assert len(admin.done("tags", "rm/asked").rows) == 2


def test_what_is_in_use_says_by_what(admin: Wharf, server: Server) -> None:
    both = index([IMAGE])
    server.push("rm/used", both, "multi")
    assert both.digest in admin.refused("rm", f"rm/used@{IMAGE.digest}", "--yes")


@pytest.mark.parametrize(("answer", "status", "left"), [("", 1, 1), ("n", 1, 1), ("y", 0, 0)])
def test_at_a_terminal_one_is_asked(admin: Wharf, server: Server, answer: str, status: int, left: int) -> None:
    repository = f"rm/answered-{answer or 'nothing'}"
    server.push(repository, IMAGE, "1")
    ended, screen = at_a_terminal(["rm", f"{repository}@{IMAGE.digest}"], [("[y/N] ", answer)])
    assert ended == status
    assert "and with it the tags 1." in screen
    assert len(admin.done("tags", repository).rows) == left
