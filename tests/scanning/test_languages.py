"""What language ecosystems leave in an image: real files where there are any here, else as tools write them."""

import base64
import importlib.metadata
import io
import json
import subprocess
import sysconfig
import zipfile
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.kit import elves
from tests.kit.layers import Link, Tree, catalogue, found
from tests.kit.parts.tools import tool
from wharfinger.scanning.cataloguers.python import normalised
from wharfinger.scanning.packages import Package

ROOT = Path(__file__).parents[2]
SITE = Path(sysconfig.get_path("purelib"))


def packages(tree: Tree) -> list[Package]:
    image = catalogue(tree)
    assert image.problems == ()
    return list(image.packages)


def test_the_python_packages_that_we_stand_on() -> None:
    tree: Tree = {
        f"usr/lib/python3/site-packages/{path.relative_to(SITE)}": path.read_bytes()
        for path in SITE.glob("*.dist-info/METADATA")
    }
    expected = {
        (normalised(each.metadata["Name"]), each.version) for each in importlib.metadata.distributions(path=[str(SITE)])
    }
    assert {(each.name, each.version) for each in packages(tree)} == expected
    assert len(expected) > 50


PYTHON = "usr/lib/python3/site-packages"


@pytest.mark.parametrize(
    ("tree", "seen"),
    [
        ({f"{PYTHON}/Foo_Bar-1.egg-info/PKG-INFO": "Name: Foo_Bar\nVersion: 1\n"}, {"foo-bar 1"}),
        ({f"{PYTHON}/foo-1.egg-info": "Metadata-Version: 1.0\nName: foo\nVersion: 1\n"}, {"foo 1"}),
        ({f"{PYTHON}/foo.egg/EGG-INFO/PKG-INFO": "Name: foo\r\nVersion: 1\r\n\r\nName: bar\r\n"}, {"foo 1"}),
        ({"src/METADATA": "Name: foo\nVersion: 1\n"}, set()),
        ({f"{PYTHON}/foo.dist-info/METADATA": "Summary: a\n Name: no\nName: foo\nVersion: 1\n"}, {"foo 1"}),
        ({"app/requirements.txt": "a==1.0\nb>=2\nc[x,y] == 3.1 ; python_version < '4' # why\n-r other.txt\n"
                                  "d==1.* \ne==2 \\\n    --hash=sha256:00\n# f==1\ng===1\n"},
         {"a 1.0", "c 3.1", "e 2"}),
        ({f"{PYTHON}/pkg/tests/requirements.txt": "a==1.0\n"}, set()),
        ({"requirements/base.txt": "a==1\n", "app/dev-requirements.txt": "b==2\n", "app/other.txt": "c==3\n"},
         {"a 1", "b 2"}),
        ({"app/pylock.toml": 'lock-version = "1.0"\n[[packages]]\nname = "a"\nversion = "1"\n[[packages]]\n'
                             'name = "own"\nversion = "1"\ndirectory = { path = "." }\n'}, {"a 1"}),
        ({"app/Pipfile.lock": '{"default": {"A": {"version": "==1.0"}, "l": {"path": "."}}, "develop": '
                              '{"b": {"version": "==2"}}}'}, {"a 1.0", "b 2"}),
        ({"app/poetry.lock": '[[package]]\nname = "A"\nversion = "1.0"\n\n[[package]]\nname = "own"\nversion = "1"\n'
                             '[package.source]\ntype = "directory"\nurl = "../own"\n'}, {"a 1.0"}),
        ({"app/uv.lock": 'version = 1\n[[package]]\nname = "a"\nversion = "1"\nsource = { registry = "r" }\n'
                         '[[package]]\nname = "own"\nversion = "1"\nsource = { virtual = "." }\n'}, {"a 1"}),
    ],
)  # fmt: skip
def test_python(tree: Tree, seen: set[str]) -> None:
    assert {f"{each.name} {each.version}" for each in packages(tree)} == seen


def test_what_is_only_declared_says_so_until_it_is_installed() -> None:
    lock: Tree = {"app/requirements.txt": "idna==3.3\n"}
    (declared,) = packages(lock)
    assert declared.detail == {"declared": "true"}
    (installed,) = packages({**lock, f"{PYTHON}/idna.dist-info/METADATA": "Name: idna\nVersion: 3.3\n"})
    assert (installed.detail, len(installed.paths)) == ({}, 2)


YARN = """# yarn lockfile v1


"@babel/core@^7.0.0", "@babel/core@^7.1.0":
  version "7.1.2"
  resolved "https://example.org/x"
  dependencies:
    lodash "^4"

lodash@^4:
  version "4.17.21"

"other@npm:@babel/core@7.1.2":
  version "7.1.2"
"""
BERRY = """__metadata:
  version: 6

"@babel/core@npm:^7.0.0":
  version: 7.1.2
  resolution: "@babel/core@npm:7.1.2"

"app@workspace:.":
  version: 0.0.0-use.local

"lodash@npm:^4, lodash@npm:^4.17":
  version: 4.17.21

"other@npm:@babel/core@^7":
  version: 7.1.2
"""
PNPM = {
    5: "lockfileVersion: 5.4\npackages:\n\n  /@babel/core/7.1.2:\n    x: 1\n  /lodash/4.17.21_peer@1.0.0:\n    x: 1\n",
    6: "lockfileVersion: '6.0'\npackages:\n\n  /@babel/core@7.1.2:\n    x: 1\n  /lodash@4.17.21(p@1.0.0):\n    x: 1\n",
    9: "lockfileVersion: '9.0'\npackages:\n\n  '@babel/core@7.1.2':\n    x: {}\n\n  lodash@4.17.21:\n    x: {}\n"
       "\nsnapshots:\n\n  other@1.0.0: {}\n",
}  # fmt: skip
BOTH = {"@babel/core 7.1.2", "lodash 4.17.21"}


@pytest.mark.parametrize(
    ("tree", "seen"),
    [
        ({"app/node_modules/lodash/package.json": '{"name": "lodash", "version": "4.17.21"}',
          "app/node_modules/@babel/core/package.json": '{"name": "@babel/core", "version": "7.1.2"}'}, BOTH),
        ({"app/node_modules/.pnpm/lodash@4/node_modules/lodash/package.json": '{"name":"lodash","version":"4.17.21"}'},
         {"lodash 4.17.21"}),
        ({"app/package.json": '{"name": "app", "version": "1"}',
          "app/node_modules/resolve/test/x/package.json": '{"name": "x", "version": "1"}',
          "app/node_modules/a/package.json": '{"type": "module"}',
          "app/node_modules/b/package.json": '{"name": 1, "version": null}',
          "usr/share/code/extensions/git/package.json": '{"name": "git", "version": "1"}'}, set()),
        ({"usr/share/nodejs/lodash/package.json": '{"name": "lodash", "version": "4.17.21"}'}, {"lodash 4.17.21"}),
        ({"app/package-lock.json": '{"lockfileVersion": 1, "dependencies": {"@babel/core": {"version": "7.1.2", '
          '"dependencies": {"lodash": {"version": "4.17.21"}}}, "own": {"version": "file:own"}, "o": {"version": '
          '"npm:@babel/core@7.1.2"}}}'}, BOTH),
        ({"app/yarn.lock": YARN}, BOTH),
        ({"app/yarn.lock": BERRY}, BOTH),
        *(({"app/pnpm-lock.yaml": text}, BOTH) for text in PNPM.values()),
        ({"app/node_modules/a/yarn.lock": YARN}, set()),
    ],
)  # fmt: skip
def test_node(tree: Tree, seen: set[str]) -> None:
    assert {f"{each.name} {each.version}" for each in packages(tree)} == seen


def test_the_lock_file_of_our_own_tests() -> None:
    text = (ROOT / "tests/kit/parts/azurite/package-lock.json").read_text()
    expected = {
        (place.rpartition("node_modules/")[2], each["version"])
        for place, each in json.loads(text)["packages"].items()
        if place
    }
    assert {(each.name, each.version) for each in packages({"app/package-lock.json": text})} == expected


MODULES = (
    "path\texample.org/app/cmd\nmod\texample.org/app\t(devel)\t\ndep\tgolang.org/x/net\tv0.1.0\th1:x=\n"
    "dep\texample.org/a\tv1.0.0\n=>\texample.org/b\tv1.1.0\th1:y=\ndep\texample.org/c\tv1.0.0\n=>\t./c\t\n"
    "build\tGOOS=linux\nbuild\tGOARCH=arm64\n"
)


def test_go() -> None:
    seen = packages({"usr/bin/app": elves.go("go1.21.5 X:boring", MODULES)})
    assert {(each.name, each.version, each.detail.get("main")) for each in seen} == {
        ("stdlib", "1.21.5", None),
        ("example.org/app", "(devel)", "true"),
        ("golang.org/x/net", "v0.1.0", None),
        ("example.org/b", "v1.1.0", None),
        ("example.org/c", "(devel)", None),
    }
    assert {(each.detail["goos"], each.detail["goarch"]) for each in seen} == {("linux", "arm64")}
    assert seen[0].purl.startswith("pkg:golang/example.org/app@")


def told_by_go(program: Path) -> set[tuple[str, str]]:
    """What ``go version -m`` says of a program: modules after replacement, and Go itself."""
    listed = subprocess.run([tool("go"), "version", "-m", program], capture_output=True, text=True, check=True).stdout
    head, *lines = listed.splitlines()
    modules: list[tuple[str, str]] = [("stdlib", head.rpartition("go")[2].split()[0])]
    for line in lines:
        word, path, *rest = [*line.strip().split("\t"), ""]
        if word in ("mod", "dep"):
            modules.append((path, rest[0]))
        elif word == "=>":
            modules[-1] = (path, rest[0])
    return set(modules)


@pytest.mark.system
@pytest.mark.parametrize("name", ["crane", "oras"])
def test_programs_of_today_say_what_go_says_of_them(name: str) -> None:
    program = tool(name).resolve()
    seen = packages({"usr/bin/x": program.read_bytes()})
    assert {(each.name, each.version) for each in seen} == told_by_go(program)


@pytest.mark.system
def test_a_program_of_before_1_18_says_what_go_says_of_it(tmp_path: Path) -> None:
    """Go's own test file of the older form."""
    root = subprocess.run([tool("go"), "env", "GOROOT"], capture_output=True, text=True, check=True).stdout.strip()
    kept = Path(root, "src/debug/buildinfo/testdata/go117/go117.base64")
    if not kept.exists():
        pytest.skip("this Go has no such file")
    program = tmp_path / "program"
    program.write_bytes(base64.b64decode(kept.read_bytes()))
    seen = packages({"usr/bin/x": program.read_bytes()})
    assert {(each.name, each.version) for each in seen} == told_by_go(program)
    assert len(seen) > 1


def test_rust() -> None:
    crates = {
        "packages": [
            {"name": "app", "version": "0.1.0", "source": "local", "root": True},
            {"name": "libc", "version": "0.2.1", "source": "crates.io", "dependencies": []},
            {"name": "cc", "version": "1.0.0", "source": "crates.io", "kind": "build"},
        ]
    }
    seen = packages({"usr/bin/app": elves.auditable(json.dumps(crates).encode())})
    assert {(each.name, each.version, *each.detail.values()) for each in seen} == {
        ("app", "0.1.0", "local"),
        ("libc", "0.2.1"),
    }


def jar(files: Mapping[str, bytes | str], before: bytes = b"") -> bytes:
    raw = io.BytesIO()
    raw.write(before)
    with zipfile.ZipFile(raw, "a", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            stored = zipfile.ZIP_STORED if name.endswith(".jar") else zipfile.ZIP_DEFLATED
            archive.writestr(name, content, stored)
    return raw.getvalue()


def pom(group: str, artifact: str, version: str) -> dict[str, bytes | str]:
    text = f"#made\ngroupId={group}\nartifactId={artifact}\nversion={version}\n"
    return {f"META-INF/maven/{group}/{artifact}/pom.properties": text}


MANIFEST = "Manifest-Version: 1.0\r\nImplementation-Ver\r\n sion: 1.2\r\n\r\nName: x\r\nImplementation-Version: 3\r\n"


@pytest.mark.parametrize(
    ("path", "raw", "seen"),
    [
        ("a.jar", jar(pom("g", "a", "1")), {"g:a 1"}),
        ("a-2.jar", jar({**pom("g", "a", "1"), **pom("g", "shaded", "5")}), {"g:a 1", "g:shaded 5"}),
        ("commons-text-1.3.jar", jar({"x": b""}), {"commons-text 1.3 low"}),
        ("tool.jar", jar({"META-INF/MANIFEST.MF": MANIFEST}), {"tool 1.2 low"}),
        ("a-1.0.jar", jar({"META-INF/maven/g/a/pom.xml": "<project/>"}), {"g:a 1.0"}),
        ("unknown.jar", jar({"x": b""}), set()),
        ("app.jar", jar({"BOOT-INF/lib/b-1.jar": jar(pom("g", "b", "1"))}, b"#!/bin/sh\nexec java\n"), {"g:b 1"}),
        ("app.war", jar({"WEB-INF/lib/x.jar": jar({"y.jar": jar(pom("g", "y", "3"))})}), {"g:y 3"}),
    ],
)
def test_java(path: str, raw: bytes, seen: set[str]) -> None:
    told = {" ".join([each.name, each.version, *each.detail.values()]) for each in packages({f"opt/{path}": raw})}
    assert told == seen


def test_a_jar_within_another_says_where_it_is() -> None:
    (package,) = packages({"a.war": jar({"WEB-INF/lib/x.jar": jar({"y.jar": jar(pom("g", "y", "3"))})})})
    assert package.paths == ("a.war!WEB-INF/lib/x.jar!y.jar",)
    assert package.purl == "pkg:maven/g/y@3"


GEMSPEC = """# -*- encoding: utf-8 -*-
Gem::Specification.new do |s|
  s.name = "rack".freeze
  s.version = "2.2.6.4"
  s.required_ruby_version = Gem::Requirement.new(">= 2.3.0".freeze)
  s.add_runtime_dependency(%q<other>.freeze, ["~> 3.0"])
end
"""

GEMFILE = """GIT
  remote: https://example.org/forked.git
  specs:
    forked (1.0)

PATH
  remote: .
  specs:
    own (0.1)

GEM
  remote: https://example.org/
  specs:
    actionpack (6.0.0)
      rack (~> 2.0)
    nokogiri (1.15.0-x86_64-linux)

DEPENDENCIES
  actionpack (= 6.0.0)
"""


@pytest.mark.parametrize(
    ("tree", "seen"),
    [
        ({"var/lib/gems/3.1.0/specifications/rack-2.2.6.4.gemspec": GEMSPEC}, {"gem rack 2.2.6.4"}),
        ({"lib/ruby/specifications/default/json.gemspec": 's.name = "json"\ns.version = Gem::Version.new("2")\n'},
         {"gem json 2"}),
        ({"app/rack.gemspec": GEMSPEC}, set()),
        ({"app/vendor/composer/installed.json": '{"packages": [{"name": "Symfony/Yaml", "version": "v5.4.0"}]}'},
         {"composer symfony/yaml v5.4.0"}),
        ({"app/vendor/composer/installed.json": '[{"name": "a/b", "version": "1.0"}]'}, {"composer a/b 1.0"}),
        ({"app/composer.lock": '{"packages": [{"name": "a/b", "version": "1"}], "packages-dev": [{"name": "c/d", '
          '"version": "2"}]}'}, {"composer a/b 1", "composer c/d 2"}),
        ({"app/app.deps.json": '{"libraries": {"app/1.0.0": {"type": "project"}, "Newtonsoft.Json/12.0.1": {"type": '
          '"package", "serviceable": true}}}'}, {"nuget Newtonsoft.Json 12.0.1"}),
        ({"app/app.deps.json": '{"libraries": {"runtimepack.Microsoft.NETCore.App.Runtime.linux-x64/6.0.1": {"type": '
          '"runtimepack"}}}'}, {"nuget Microsoft.NETCore.App.Runtime.linux-x64 6.0.1"}),
        ({"app/packages.lock.json": '{"dependencies": {"net8.0": {"A.B": {"type": "Direct", "resolved": "1.0.2"}, '
          '"own": {"type": "Project"}}}}'}, {"nuget A.B 1.0.2"}),
        ({"app/Gemfile.lock": GEMFILE}, {"gem actionpack 6.0.0", "gem nokogiri 1.15.0", "gem forked 1.0"}),
        ({"var/lib/gems/3.1.0/gems/rack-2.2.6.4/Gemfile.lock": GEMFILE}, set()),
    ],
)  # fmt: skip
def test_ruby_php_and_dotnet(tree: Tree, seen: set[str]) -> None:
    assert {f"{each.type} {each.name} {each.version}" for each in packages(tree)} == seen


CYCLONEDX = {
    "bomFormat": "CycloneDX",
    "components": [
        {"purl": "pkg:npm/%40babel/core@7.1.2", "components": [{"purl": "pkg:maven/g/a@1?type=jar"}]},
        {"purl": "pkg:rpm/centos/keyutils-libs@1.5.8-3.el7?arch=x86_64"},
        {"purl": "no purl"},
        {"name": "x"},
        {"purl": "pkg:generic/openssl@3"},
    ],
}
SPDX = {
    "spdxVersion": "SPDX-2.3",
    "packages": [
        {"externalRefs": [{"referenceType": "purl", "referenceLocator": "pkg:golang/golang.org/x/net@v0.1.0"}]},
        {"externalRefs": [{"referenceType": "cpe23Type", "referenceLocator": "pkg:golang/other@v0.1.0"}]},
    ],
}


def test_bills_of_material() -> None:
    seen = packages({"opt/app/bom.json": json.dumps(CYCLONEDX), "opt/b/.spdx-b.spdx": json.dumps(SPDX)})
    assert {(each.type, each.name, each.version) for each in seen} == {
        ("npm", "@babel/core", "7.1.2"),
        ("maven", "g:a", "1"),
        ("rpm", "keyutils-libs", "1.5.8-3.el7"),
        ("golang", "golang.org/x/net", "v0.1.0"),
    }
    assert {each.purl for each in seen if each.type == "rpm"} == {
        "pkg:rpm/centos/keyutils-libs@1.5.8-3.el7?arch=x86_64"  # and not of the distribution around it
    }


def test_a_distribution_knows_its_packages_better_than_a_bill_of_material() -> None:
    bill = {"bomFormat": "CycloneDX", "components": [{"purl": "pkg:apk/wolfi/musl@1.2-r0"}]}
    seen = packages({"lib/apk/db/installed": "P:musl\nV:1.2-r0\no:musl-x\n\n", "var/bom.json": json.dumps(bill)})
    assert [each.source and each.source.name for each in seen] == ["musl-x"]


def test_links_are_not_packages() -> None:
    tree: Tree = {"a/node_modules/x/package.json": Link("/etc/passwd"), "b.jar": Link("a.jar")}
    assert found(catalogue(tree)) == set()
