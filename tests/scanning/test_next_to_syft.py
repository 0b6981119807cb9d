"""The same image catalogued by us and by Syft: every difference is in a table here, with its reason."""

import gzip
import json
import re
import sysconfig
from pathlib import Path

import pytest

from tests.kit import syft
from tests.kit.layers import Tree, archive, zipped
from tests.kit.parts.tools import installed, tool
from tests.scanning.samples import samples
from tests.scanning.test_languages import GEMSPEC, jar, pom
from wharfinger.scanning.cataloguing import catalogue_image

DATA = Path(__file__).parents[1] / "data" / "scanning"
SITE = Path(sysconfig.get_path("purelib"))
PYTHON = "usr/lib/python3/site-packages"

MANIFEST: dict[str, bytes | str] = {"META-INF/MANIFEST.MF": "Manifest-Version: 1.0\n"}
TARGET = ".NETCoreApp,Version=v6.0"
DEPENDENCIES = {
    "runtimeTarget": {"name": TARGET},
    "targets": {TARGET: {"a/1.0.0": {"dependencies": {"A.B": "1.0.0"}}, "A.B/1.0.0": {}}},
    "libraries": {
        "a/1.0.0": {"type": "project", "serviceable": False, "sha512": ""},
        "A.B/1.0.0": {"type": "package", "serviceable": True, "sha512": "sha512-x", "path": "a.b/1.0.0"},
    },
}
TYPES = {
    "deb": "deb", "apk": "apk", "rpm": "rpm", "python": "pypi", "npm": "npm", "go-module": "golang",
    "java-archive": "maven", "rust-crate": "cargo", "gem": "gem", "php-composer": "composer", "dotnet": "nuget",
}  # fmt: skip

# who alone finds it, packages by ``type name version``, and why
DIFFERENCES = [
    ("ours", r"npm declared-by-npm 1\.0", "lock files: Syft reads them in folders, not in images; we say `declared`"),
    ("ours", r"pypi declared-by-pip 1\.0", "likewise"),
    ("ours", r"composer declared/by-composer 1\.0", "likewise"),
    ("ours", r"npm from-a-bill 1\.0", "a bill of material: Syft's cataloguer of those is off by default"),
    ("ours", r"cargo \S+ \S+", "bills of material that wheels carry, as PEP 770 has it: Syft 1.18 knows none"),
    ("ours", r"rpm \S+ \S+el7\S*", "likewise"),
    ("ours", r"npm toposort-class 1\.0\.1", "Syft passes over its file; we have not found out why"),
    (
        "ours",
        r"nuget A\.B 1\.0\.0",
        "made by hand, since no real one is at hand; Syft passes over it",
    ),
    ("ours", r"maven bare 1", "a jar without a manifest, known by its name: with us of low confidence"),
]


def tree() -> list[Tree]:
    """Every kind of package that both know, in layers that also take some away."""
    bill = {"bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{"purl": "pkg:npm/from-a-bill@1.0"}]}
    modules = installed("modules")
    programs: Tree = {f"usr/local/bin/{name}": tool(name).read_bytes() for name in ("crane",)}
    return [
        {
            "etc/os-release": "ID=debian\nVERSION_ID=12\n",
            "var/lib/dpkg/status": gzip.decompress((DATA / "debian-12-status.gz").read_bytes()),
            "var/lib/rpm/rpmdb.sqlite": gzip.decompress((DATA / "rpmdb.sqlite.gz").read_bytes()),
            "lib/apk/db/installed": gzip.decompress((DATA / "alpine-3.20-installed.gz").read_bytes()),
        },
        {
            f"{PYTHON}/{path.relative_to(SITE)}": path.read_bytes()
            for pattern in ("*.dist-info/METADATA", "*.dist-info/sboms/*.json")
            for path in SITE.glob(pattern)
        },
        {
            f"app/{path.relative_to(modules)}": path.read_bytes()
            for path in sorted(modules.glob("*/node_modules/*/package.json"))
        },
        {
            **programs,
            "opt/a-9.war": jar(
                {
                    **MANIFEST,
                    "WEB-INF/lib/b-2.jar": jar({**MANIFEST, **pom("g", "b", "2")}),
                    "WEB-INF/lib/c-1.3.jar": jar(MANIFEST),
                }
            ),
            "opt/bare-1.jar": jar({"x": b""}),
            "var/lib/gems/3.1.0/specifications/rack-2.2.6.4.gemspec": GEMSPEC,
            "srv/vendor/composer/installed.json": samples()["app/vendor/composer/installed.json"],
            "srv/a.deps.json": json.dumps(DEPENDENCIES),
            "srv/package-lock.json": '{"packages": {"node_modules/declared-by-npm": {"version": "1.0"}}}',
            "srv/requirements.txt": "declared-by-pip==1.0\n",
            "srv/composer.lock": '{"packages": [{"name": "declared/by-composer", "version": "1.0"}]}',
            "opt/bom.json": json.dumps(bill),
        },
        {
            f"{PYTHON}/.wh.{next(SITE.glob('jinja2-*.dist-info')).name}": b"",
            f"app/{next(modules.glob('*/node_modules/uuid')).relative_to(modules)}/.wh..wh..opq": b"",
        },
    ]


@pytest.mark.system
def test_every_difference_has_a_reason(tmp_path: Path) -> None:
    layers = syft.layout(tmp_path / "layout", [(raw, zipped(raw)) for raw in map(archive, tree())])
    image = catalogue_image(layers)
    assert image.problems == ()
    ours = {f"{each.type} {each.name.rpartition(':')[2]} {each.version}" for each in image.packages}
    theirs = {
        f"{TYPES.get(each.type, each.type)} {_name(each)} {_version(each)}" for each in syft.syft(tmp_path / "layout")
    }
    alone = {"ours": ours - theirs, "theirs": theirs - ours}
    unexplained = {
        who: {each for each in found if not any(who == by and re.fullmatch(what, each) for by, what, _ in DIFFERENCES)}
        for who, found in alone.items()
    }
    assert unexplained == {"ours": set(), "theirs": set()}
    unused = [what for who, what, _ in DIFFERENCES if not any(re.fullmatch(what, each) for each in alone[who])]
    assert unused == []
    assert len(ours & theirs) > 300
    assert not any("jinja2" in each or each.startswith("npm uuid ") for each in ours)


def _name(seen: syft.Seen) -> str:
    return re.sub(r"[-_.]+", "-", seen.name).lower() if seen.type == "python" else seen.name


def _version(seen: syft.Seen) -> str:
    """Syft writes out an epoch of 0, and Go's version as Go does."""
    return seen.version.removeprefix("go" if seen.name == "stdlib" else "0:")
