"""A disk that fills up: a clear refusal, nothing of the push is kept, and the server lives on."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.kit import facts
from tests.kit.backends import local
from tests.kit.client import code_of, require
from tests.kit.images import blob, image
from tests.kit.server import serve
from wharfinger.spec import digest as digests

pytestmark = pytest.mark.system

MIB = 1 << 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of 24 MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", folder], check=False, capture_output=True, text=True
    )
    if mounted.returncode != 0:
        assert os.geteuid() != 0 or not os.environ.get("CI"), mounted.stderr
        pytest.skip(f"nothing may be mounted here: {mounted.stderr.strip()}")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", folder], check=True)


@pytest.mark.parametrize("keep_free", ["0", "4MiB"])
async def test_a_push_that_does_not_fit_is_refused_and_others_go_on(small_disk: Path, keep_free: str) -> None:
    data = small_disk / "data"
    small, large = image(layers=2), blob(40 * MIB)
    with serve(data, environment={"WHARF_KEEP_FREE": keep_free}) as server:
        async with server.client() as client:
            await client.push_image("team/app", small, "before")
            answer = await client.push_blob("team/app", large)
            assert answer.status_code in {503, 507}, answer.text
            assert code_of(answer)
            assert (await client.get_blob("team/app", digests.of(large))).status_code == 404
            await client.pull_image("team/app", "before")
            # What did not fit was given back at once.
            require(await client.push_blob("team/app", blob(2 * MIB, seed=1)), 201)
            await client.push_image("team/app", image(layers=2, seed=2), "after")
        server.stop()
        backend = local(data)
        assert facts.check(backend.database, backend.shelf) == []
