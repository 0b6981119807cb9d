"""Layers that come slowly, again, or under another digest."""

import hashlib
import io
from contextlib import closing

import pytest

from tests.kit.layers import Link, archive, dpkg_status
from wharfinger.scanning.cataloguing import LayerSource, catalogue_image
from wharfinger.scanning.limits import Unreadable
from wharfinger.scanning.sources import Checked

RAW = archive({"var/lib/dpkg/status": dpkg_status(a="1")})


def test_sha512_is_known_and_what_is_not_is_refused() -> None:
    layer = LayerSource("sha512:" + hashlib.sha512(RAW).hexdigest(), "", lambda: io.BytesIO(RAW))
    assert catalogue_image([layer]).problems == ()
    with pytest.raises(Unreadable, match="no known algorithm"):
        Checked(LayerSource("md5:" + hashlib.md5(RAW).hexdigest(), "", lambda: io.BytesIO(RAW)))


def test_what_nobody_read_is_hashed_too() -> None:
    layer = LayerSource("sha256:" + hashlib.sha256(RAW).hexdigest(), "", lambda: io.BytesIO(RAW))
    with closing(Checked(layer)) as checked:
        checked.read(10)
    assert checked.problems == ()


def test_a_layer_that_is_another_one_at_the_second_look_is_a_problem() -> None:
    """A hard link to what nobody wanted to see makes a second look necessary."""
    raw = archive({"store/x": dpkg_status(a="1"), "var/lib/dpkg/status": Link("store/x", hard=True)})
    opened: list[bytes] = []

    def opening() -> io.BytesIO:
        opened.append(raw if not opened else archive({"store/x": dpkg_status(evil="1")}))
        return io.BytesIO(opened[-1])

    image = catalogue_image([LayerSource("sha256:" + hashlib.sha256(raw).hexdigest(), "", opening)])
    assert len(opened) == 2
    assert [problem.reason for problem in image.problems] == ["these bytes are not those that the digest stands for"]


@pytest.mark.parametrize("size", [1, 7, 511, 513])
def test_bytes_may_come_in_pieces_of_any_size(size: int) -> None:
    class Dripping(io.BytesIO):
        def read(self, most: int | None = -1, /) -> bytes:
            return super().read(size)

    layer = LayerSource("sha256:" + hashlib.sha256(RAW).hexdigest(), "", lambda: Dripping(RAW))
    for isolated in (True, False):
        image = catalogue_image([layer], isolated=isolated)
        assert ([package.name for package in image.packages], image.problems) == (["a"], ())
