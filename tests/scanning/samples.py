"""One good file for every cataloguer, to be broken in all ways."""

import io
import json
import zipfile
import zlib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.kit import elves, rpms
from tests.kit.layers import dpkg_status

_BILL = {"bomFormat": "CycloneDX", "components": [{"purl": "pkg:npm/a@1", "components": [{"purl": "pkg:deb/b@1"}]}]}
_CRATES = {"packages": [{"name": "libc", "version": "0.2.1", "source": "crates.io"}]}
_POM = "groupId=g\nartifactId=a\nversion=1\n"
_HEADERS = [
    rpms.header(name=f"p{n}", version="1", release="x" * n * 300, base_names=["a"], folder_of=[0], folders=["/usr/"])
    for n in range(1, 9)
]


def _jar() -> bytes:
    inner, outer = io.BytesIO(), io.BytesIO()
    for raw, files in (
        (inner, {"META-INF/maven/g/a/pom.properties": _POM}),
        (outer, {"a.jar": inner, "b-1.jar": inner}),
    ):
        with zipfile.ZipFile(raw, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, content in files.items():
                archive.writestr(name, content.getvalue() if isinstance(content, io.BytesIO) else content)
            archive.writestr("META-INF/MANIFEST.MF", "Implementation-Version: 1\n")
    return outer.getvalue()


def _sqlite() -> bytes:
    with TemporaryDirectory() as folder:
        return rpms.sqlite(Path(folder, "db"), _HEADERS)["rpmdb.sqlite"]


@cache
def samples() -> Mapping[str, bytes]:
    """By the paths at which they are looked at."""
    texts = {
        "etc/os-release": 'ID=debian\nVERSION_ID="12"\n',
        "var/lib/dpkg/status": dpkg_status(a="1", b="2"),
        "var/lib/dpkg/info/a.list": "/.\n/usr\n/usr/bin/a\n",
        "lib/apk/db/installed": "P:musl\nV:1.2.5-r0\nF:lib\nR:x\n\n",
        "usr/lib/a.dist-info/METADATA": "Name: a\nVersion: 1\n\nText\n",
        "app/requirements.txt": "a==1.0\nb[x]==2 ; python_version < '4'\n",
        "app/poetry.lock": '[[package]]\nname = "a"\nversion = "1"\n',
        "app/Pipfile.lock": '{"default": {"a": {"version": "==1"}}}',
        "app/node_modules/a/package.json": '{"name": "a", "version": "1"}',
        "app/package-lock.json": '{"packages": {"node_modules/a": {"version": "1"}}}',
        "app/npm-shrinkwrap.json": '{"dependencies": {"a": {"version": "1", "dependencies": {"b": {"version": "1"}}}}}',
        "app/yarn.lock": '"a@1", a@^1:\n  version "1.0"\n',
        "app/pnpm-lock.yaml": "packages:\n  /a@1.0.0:\n    x: 1\n",
        "usr/specifications/a.gemspec": 's.name = "a"\ns.version = "1"\n',
        "app/vendor/composer/installed.json": '{"packages": [{"name": "a/b", "version": "1"}]}',
        "app/composer.lock": '{"packages": [{"name": "a/b", "version": "1"}]}',
        "app/a.deps.json": '{"libraries": {"A/1": {"type": "package"}}}',
        "app/Gemfile.lock": "GEM\n  specs:\n    a (1.0)\n",
        "app/packages.lock.json": '{"dependencies": {"net8.0": {"A": {"resolved": "1"}}}}',
        "app/bom.json": json.dumps(_BILL),
    }
    return {
        **{path: text.encode() for path, text in texts.items()},
        "var/lib/rpm/rpmdb.sqlite": _sqlite(),
        "var/lib/rpm/Packages.db": rpms.ndb(_HEADERS),
        "var/lib/rpm/Packages": rpms.bdb(_HEADERS),
        "opt/a.war": _jar(),
        "usr/bin/go": elves.go("go1.21", "mod\ta\tv1\ndep\tb\tv2\n"),
        "usr/bin/rust": elves.program(".dep-v0", zlib.compress(json.dumps(_CRATES).encode())),
    }
