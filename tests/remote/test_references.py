"""References as distribution's reference package reads them; its own test tables, and ours."""

import pytest

from wharfinger.errors import RequestInvalid
from wharfinger.remote import references
from wharfinger.remote.references import parse

HEX = "0123456789abcdef" * 4
SHA = f"sha256:{HEX}"


@pytest.mark.parametrize(
    ("text", "registry", "repository", "tag", "digest"),
    [
        ("nginx", "docker.io", "library/nginx", None, None),
        ("nginx:1.27", "docker.io", "library/nginx", "1.27", None),
        ("docker.io/nginx", "docker.io", "library/nginx", None, None),
        ("docker.io/library/nginx", "docker.io", "library/nginx", None, None),
        ("index.docker.io/nginx:1", "docker.io", "library/nginx", "1", None),
        ("bitnami/redis:7", "docker.io", "bitnami/redis", "7", None),
        ("docker/docker", "docker.io", "docker/docker", None, None),
        ("test:5000/repo", "test:5000", "repo", None, None),
        ("test.com:8000", "docker.io", "library/test.com", "8000", None),
        ("test.com/repo:tag", "test.com", "repo", "tag", None),
        ("test:5000/repo:tag", "test:5000", "repo", "tag", None),
        (f"test:5000/repo@{SHA}", "test:5000", "repo", None, SHA),
        (f"test:5000/repo:tag@{SHA}", "test:5000", "repo", "tag", SHA),
        ("localhost/shop/web", "localhost", "shop/web", None, None),
        ("localhost:5000/web:1", "localhost:5000", "web", "1", None),
        ("127.0.0.1:5000/web", "127.0.0.1:5000", "web", None, None),
        ("[2001:db8::1]/repo", "[2001:db8::1]", "repo", None, None),
        ("[2001:db8:3:4::192.0.2.33]:5000/repo", None, None, None, None),  # as there: no dots within
        ("[2001:db8::1]:5000/repo:tag", "[2001:db8::1]:5000", "repo", "tag", None),
        ("lowercase:Uppercase", "docker.io", "library/lowercase", "Uppercase", None),
        ("Foo/bar", "Foo", "bar", None, None),  # a capital makes it a host
        ("foo/foo_bar.com:8080", "docker.io", "foo/foo_bar.com", "8080", None),
        ("foo_bar.com:8080", "docker.io", "library/foo_bar.com", "8080", None),
        ("foo__bar/a---b", "docker.io", "foo__bar/a---b", None, None),
        ("xn--n3h.com/myimage:xn--n3h.com", "xn--n3h.com", "myimage", "xn--n3h.com", None),
        (
            "b.gcr.io/test.example.com/my-app:test.example.com",
            "b.gcr.io",
            "test.example.com/my-app",
            "test.example.com",
            None,
        ),
        ("sub-dom1.foo.com/bar/baz/quux:some-long-tag", "sub-dom1.foo.com", "bar/baz/quux", "some-long-tag", None),
        ("a/" * 100 + "a:tag", "docker.io", "a/" * 100 + "a", "tag", None),
        (f"web:{'t' * 128}", "docker.io", "library/web", "t" * 128, None),
        *(
            (text, None, None, None, None)
            for text in (
                *("", ":tag", "@", f"@{SHA}", "a:", "web:-tag", f"web:{'t' * 129}", "a b", "nginx\n", "nginx:1\n"),
                *("repo@sha256:ffff", f"repo@sha256:{HEX.upper()}", f"repo@invalid:{HEX}", f"validname@{SHA}@{SHA}"),
                *("Uppercase:tag", "test:5000/Uppercase/lowercase:tag", "Uppercase/lowercase/A", "docker.io/Nginx"),
                *("aa/asdf$$^/aa", "a//b", "/a", "a/", "-foo/bar", "foo.com/-bar", "foo___bar", ".a", "a..b", "a._b"),
                *("https://github.com/docker/docker", "[fe80::1%eth0]:5000/repo", "[2001:db8::1", "ü/web", "web:ü"),
                *(HEX, "x" * 256, "x" * 2000, "-host.com/web", "host-.com/web", "host.com:port/web"),
            )
        ),
    ],
)
def test_a_reference_is_read_as_docker_reads_it(
    text: str, registry: str | None, repository: str | None, tag: str | None, digest: str | None
) -> None:
    if registry is None:
        assert not references.is_reference(text)
        with pytest.raises(RequestInvalid):
            parse(text)
        return
    read = parse(text)
    assert (read.registry, read.repository, read.tag, read.digest) == (registry, repository, tag, digest)
    assert str(read) == text


@pytest.mark.parametrize(
    ("text", "kept", "dropped"),
    [
        ("nginx:1.27", f"nginx:1.27@{SHA}", f"nginx@{SHA}"),
        ("nginx", f"nginx:latest@{SHA}", f"nginx@{SHA}"),
        (f"h:5000/a/b:1@sha256:{'0' * 64}", f"h:5000/a/b:1@{SHA}", f"h:5000/a/b@{SHA}"),
    ],
)
def test_pinned_it_keeps_its_name_as_written_and_the_tag_if_wanted(text: str, kept: str, dropped: str) -> None:
    digest = parse(f"x@{SHA}").digest
    assert digest is not None
    assert str(parse(text).pinned(digest)) == kept
    assert str(parse(text).pinned(digest, drop_tag=True)) == dropped


def test_a_capital_letter_and_an_id_are_named_for_what_they_are() -> None:
    with pytest.raises(RequestInvalid, match="lower case"):
        parse("Nginx:1")
    with pytest.raises(RequestInvalid, match="ID of an image"):
        parse(HEX)
