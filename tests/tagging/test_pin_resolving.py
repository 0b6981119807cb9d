"""Each tag is asked for once."""

import pytest

from tests.kit.images import image
from tests.remote.registries import Asked, Reply, running
from wharfinger.errors import ManifestUnknown
from wharfinger.remote.asking import Asker
from wharfinger.remote.authorizing import Authorizer
from wharfinger.remote.references import parse as reference
from wharfinger.remote.repositories import Repositories
from wharfinger.tagging.pinning.resolving import Resolver

IMAGE = image()


def serving(_: Asked) -> Reply:
    return 200, {"Content-Type": IMAGE.media_type, "Docker-Content-Digest": IMAGE.digest}, IMAGE.raw


def test_each_tag_is_asked_for_once_whatever_comes_of_it() -> None:
    asker = Asker()
    resolver = Resolver(Repositories(asker, Authorizer(asker, lambda _: None)))
    with running() as registry:
        registry.answer = serving
        assert {resolver.digest(reference(f"{registry.host}/shop/web")) for _ in range(5)} == {IMAGE.digest}
        assert len(registry.asked) == 2
        registry.answer = lambda _: (404, {}, b"")
        for _ in range(3):
            with pytest.raises(ManifestUnknown):
                resolver.digest(reference(f"{registry.host}/shop/gone:1"))
        assert len(registry.asked) == 4
    asker.close()
