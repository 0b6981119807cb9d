"""Our package URLs are those of the reference library."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from packageurl import PackageURL

from wharfinger.scanning.packages import Distribution
from wharfinger.scanning.purls import purl

WORD = st.text("aZ09._+~@ -", min_size=1, max_size=12).map(lambda text: f"a{text}z")


def parts(type: str, name: str) -> tuple[str | None, str]:
    """Namespace and name, as the library wants them."""
    separator = ":" if type == "maven" else "/"
    namespace, _, last = name.rpartition(separator)
    return namespace or None, last


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.tuples(st.sampled_from(["pypi", "cargo", "gem", "nuget", "maven"]), WORD),
        st.tuples(st.just("maven"), st.tuples(WORD, WORD).map(":".join)),
        st.tuples(st.sampled_from(["npm", "golang", "composer"]), st.tuples(WORD, WORD).map("/".join)),
        st.tuples(st.just("npm"), WORD.map(lambda scope: f"@{scope}/x")),
    ),
    WORD,
)
def test_of_languages(named: tuple[str, str], version: str) -> None:
    type, name = named
    if type in ("pypi", "golang", "composer", "npm"):
        name = name.lower().replace("_", "-")  # as cataloguers give them
    namespace, last = parts(type, name)
    assert PackageURL.from_string(purl(type, name, version)) == PackageURL(type, namespace, last, version)


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(["deb", "apk", "rpm"]), WORD, WORD, st.sampled_from(["", "amd64"]), st.integers(0, 2))
def test_of_distributions(type: str, name: str, version: str, arch: str, epoch: int) -> None:
    said = {"arch": arch, "distro": "debian-12"}
    whole = f"{epoch}:{version}" if epoch else version
    if type == "rpm" and epoch:
        said["epoch"] = str(epoch)
    expected = PackageURL(
        type,
        "debian",
        name if type == "rpm" else name.lower(),
        version if type == "rpm" else whole,
        {key: value for key, value in said.items() if value},
    )
    ours = purl(type, name, whole, Distribution("debian", "12", "bookworm"), arch)
    assert PackageURL.from_string(ours) == expected


@pytest.mark.parametrize(
    ("type", "name", "version", "written"),
    [
        ("npm", "@babel/core", "7.1.2", "pkg:npm/%40babel/core@7.1.2"),
        ("maven", "g:a", "1", "pkg:maven/g/a@1"),
        ("golang", "golang.org/x/net", "v0.1.0", "pkg:golang/golang.org/x/net@v0.1.0"),
        ("deb", "libstdc++6", "1:2+b1", "pkg:deb/libstdc%2B%2B6@1:2%2Bb1"),
        ("golang", "example.org/app", "(devel)", "pkg:golang/example.org/app@%28devel%29"),
        ("pypi", "a", "", "pkg:pypi/a"),
    ],
)
def test_how_they_are_written(type: str, name: str, version: str, written: str) -> None:
    assert purl(type, name, version) == written
    namespace, last = parts(type, name)
    assert PackageURL(type, namespace, last, version or None).to_string() == written
