"""Real files of every kind: what is found in them, where, and what is left alone."""

from pathlib import Path

import pytest
import yaml

from wharfinger.errors import RequestInvalid
from wharfinger.spec.digest import Digest
from wharfinger.tagging.pinning import editing, judging, yaml_nodes
from wharfinger.tagging.pinning.finding import find, is_known
from wharfinger.tagging.pinning.found import Found, Lines

FILES = Path(__file__).with_name("pin_files")
DIGEST = Digest("sha256:" + "e" * 64)

EXPECTED = {
    "deployment.yaml": """
        10:26 registry.example.org:5000/shop/tools:4 mutable-tag
        13:18 registry.example.org:5000/shop/web:1.4.2 mutable-tag
        15:32 envoyproxy/envoy no-tag
        19:18 nginx:1.27@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa pinned
        21:16 busybox no-tag
        24:28 quay.io/models/small:v1 mutable-tag
        34:20 folded/image:1 not-pinnable
        36:21 escaped:1 not-pinnable
        37:21 {{ .Values.image }} not-pinnable
        38:20 Not A Reference not-pinnable
        47:14 alpine:latest latest
        56:10 quay.io/prometheus/prometheus:v2.53.0 mutable-tag
        60:64 quay.io/thanos/thanos:v0.35.1 mutable-tag
        65:19 golang no-tag
        66:22 docker:dind mutable-tag
    """,
    "values.yaml": """
        4:9 ghcr.io/shop/web:1.4.2 mutable-tag
        9:10 shop/worker:1.10 mutable-tag
        11:36 redis:7 mutable-tag
        14:8 busybox:1.36 mutable-tag
        16:10 envoyproxy/envoy:v1.30 mutable-tag
        19:17 postgres not-pinnable
        21:38 a/b:1@sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb pinned
        22:56 shared/one:2.0 not-pinnable
        22:56 shared/two:2.0 not-pinnable
    """,
    "shop/overlays/kustomization.yaml": """
        6:11 registry.example.org/shop/web:1.4.2 mutable-tag
        8:12 nginx:1.27 mutable-tag
        10:9 redis@sha256:cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc pinned
        13:12 mirror.example.org/other not-pinnable
    """,
    "docker-compose.yml": """
        2:10 postgres:16 mutable-tag
        4:17 shop/web:${TAG:-1.4} not-pinnable
        9:30 alpine:3.20 mutable-tag
        17:13 redis no-tag
        19:30 models/small:1 mutable-tag
    """,
    "Dockerfile": """
        1:10 docker/dockerfile:1.9 mutable-tag
        3:11 python:3.11 mutable-tag
        6:32 golang:1.22 mutable-tag
        8:28 alpine:3.19 mutable-tag
        19:6 nginx:$VERSION mutable-tag
        23:13 busybox no-tag
        24:21 tools.example.org/cp:1 mutable-tag
        26:3 debian:12 mutable-tag
        28:6 debian@sha256:dddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddddd pinned
        29:6 ubuntu:22.04 not-pinnable
    """,
    "Windows.Dockerfile": """
        2:6 mcr.microsoft.com/windows/nanoserver:ltsc2022 mutable-tag
        6:7 mcr.microsoft.com/powershell no-tag
    """,
    ".github/workflows/ci.yml": """
        5:16 node:20 mutable-tag
        7:20 postgres:16 mutable-tag
        9:16 ${{ matrix.image }} not-pinnable
        12:22 ghcr.io/shop/lint:v3 mutable-tag
        17:14 python:3.11-slim mutable-tag
    """,
    ".gitlab-ci.yml": """
        1:8 ruby:3.3 mutable-tag
        3:18 golang:1.22 mutable-tag
        6:5 docker:dind mutable-tag
        7:11 postgres:16 mutable-tag
        10:10 $CI_REGISTRY_IMAGE:latest not-pinnable
        11:14 redis no-tag
    """,
    "action.yml": "2:40 shop/lint:1 mutable-tag",
}


def text_of(name: str) -> str:
    return (FILES / name).read_bytes().decode()


def found_in(name: str) -> tuple[Found, ...]:
    return find(str(FILES / name), text_of(name)).found


@pytest.mark.parametrize("name", EXPECTED)
def test_a_real_file_holds_these_references_in_these_places(name: str) -> None:
    lines = Lines(text_of(name))
    told = [
        f"{line}:{column} {each.shown} {judging.verdict(each).rule}"
        for each in found_in(name)
        for line, column in [lines.place(each.start)]
    ]
    assert told == [line.strip() for line in EXPECTED[name].strip().splitlines()]


@pytest.mark.parametrize("name", EXPECTED)
def test_pinned_it_says_the_same_but_for_digests(name: str) -> None:
    text = text_of(name)
    chosen = {each: DIGEST for each in found_in(name) if each.slot and not judging.verdict(each).is_good}
    made = editing.pinned(name, text, chosen)
    assert made.count("\n") == text.count("\n")
    assert made.count(DIGEST) == len(chosen)
    left = made.replace(f"@{DIGEST}", "").replace(f" {DIGEST}", "").replace(DIGEST, "")
    for each in chosen:
        if each.reference is not None and each.reference.tag is None:
            left = left.replace(f"{each.shown}:latest", each.shown)
    assert left == text
    if "ockerfile" not in name:
        assert _shape(list(yaml.compose_all(made))) == _shape(list(yaml.compose_all(text)))


def _shape(documents: list[object]) -> list[object]:
    """Everything that PyYAML, not we, sees of a file, but for what scalars say."""
    shapes: list[object] = []
    for document in documents:
        if isinstance(document, yaml.MappingNode):
            shapes.append([(key.value, _shape([value])) for key, value in document.value])
        elif isinstance(document, yaml.SequenceNode):
            shapes.append(_shape(document.value))
        else:
            shapes.append(type(document).__name__)
    return shapes


def test_pinned_again_nothing_is_left_to_pin() -> None:
    text = "FROM nginx:1\n"
    made = editing.pinned("Dockerfile", text, dict.fromkeys(find("Dockerfile", text).found, DIGEST))
    assert made == f"FROM nginx:1@{DIGEST}\n"
    assert [judging.verdict(each).rule for each in find("Dockerfile", made).found] == ["pinned"]


def test_without_the_tag_where_that_is_wanted() -> None:
    text = "FROM nginx:1 AS web\n"
    chosen = dict.fromkeys(find("Dockerfile", text).found, DIGEST)
    assert editing.pinned("Dockerfile", text, chosen, drop_tag=True) == f"FROM nginx@{DIGEST} AS web\n"


def test_a_template_is_said_to_be_one() -> None:
    with pytest.raises(RequestInvalid, match="a template"):
        found_in("template.yaml")


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("image: [", "not YAML"),
        ("\tx: 1", "1:1: not YAML"),
        ("a: *nowhere", "not YAML|no anchor"),
        ("[" * 200 + "]" * 200, "nested more than"),
        ("image: \x00", "not YAML"),
    ],
)
def test_what_is_no_yaml_is_refused_with_its_place(text: str, why: str) -> None:
    with pytest.raises(RequestInvalid, match=why):
        find("x.yaml", text)


def test_aliases_that_would_make_a_giant_of_a_small_file_are_bounded() -> None:
    laughs = "a0: &a0 {image: x/y:1}\n" + "".join(f"a{i}: &a{i} [{f'*a{i - 1},' * 9}]\n" for i in range(1, 40))
    assert [each.shown for each in find("x.yaml", laughs).found] == ["x/y:1"]
    with pytest.raises(RequestInvalid, match="aliases"):
        find("x.yaml", "a: &a 1\nb: [" + "*a," * (yaml_nodes.ALIASES_AT_MOST + 1) + "]\n")


def test_a_tag_that_is_a_label_too_is_not_touched() -> None:
    text = 'image: {repository: a/b, tag: &v "2.0"}\nlabels: {version: *v}\n'
    [found] = find("values.yaml", text).found
    assert found.slot is None
    assert "used in other places" in found.trouble


@pytest.mark.parametrize("kind", ["ConfigMap", "Secret", "CustomResourceDefinition"])
def test_what_runs_nothing_holds_no_images(kind: str) -> None:
    assert find("x.yaml", f"apiVersion: v1\nkind: {kind}\nspec: {{example: {{image: a/b:1}}}}\n").found == ()


def test_a_node_within_itself_is_looked_at_once() -> None:
    assert [each.shown for each in find("x.yaml", "a: &a\n  image: x/y:1\n  again: *a\n  <<: *a\n").found] == ["x/y:1"]


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Dockerfile", True),
        ("dockerfile.dev", True),
        ("web.Dockerfile", True),
        ("Containerfile", True),
        ("Dockerfile.dockerignore", False),
        ("k8s/web.yml", True),
        ("Kustomization", True),
        ("notes.md", False),
        ("Dockerfiles", False),
    ],
)
def test_which_files_are_looked_at_in_a_folder(name: str, known: bool) -> None:
    assert is_known(name) is known


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("FROM a:1\nARG X=b:1\nFROM $X\n", ["a:1", "$X"]),  # an argument after FROM is not for FROM
        ("ARG X=b:1\nFROM $X\nFROM ${X}\n", ["b:1"]),
        ("ARG X=b:1\nFROM $X-slim\n", ["$X-slim"]),
        ("# escape=`\nFROM `\n a:1\nRUN x\\\nFROM b:1\n", ["a:1", "b:1"]),
        ("ARG X='b:1'\nFROM ${X:-c:1}\n", ["${X:-c:1}"]),
        ("ARG S=ase\nFROM a:1 AS base\nFROM b$S\n", ["a:1"]),  # a stage by a variable is no image
        ("FROM a:1 AS A\nFROM a\nFROM A AS b\nCOPY --from=B / /\n", ["a:1"]),
        ("FROM b\nFROM x:1 AS b\n", ["b", "x:1"]),  # a stage is one from there on
        ("FROM a:1\nCOPY --from=0 / /\nCOPY --from=7 / /\n", ["a:1", "7"]),
        ("FROM a:1\nCOPY --from=$X / /\n", ["a:1", "$X"]),
        ("FROM a:1\nCOPY x --from=not/this:1 /\n", ["a:1"]),
        ("FROM a:1\nRUN echo --mount=from=not/this:1\n", ["a:1"]),
        ("FROM a:1\nRUN <<E\nFROM not/this:1", ["a:1"]),
        ("FROM a:1\nRUN x <<-E\n\tFROM no:1\n\tE\nFROM b:1", ["a:1", "b:1"]),
        ("# a comment\n# syntax=not/this:1\nFROM a:1", ["a:1"]),
        ("#syntax = x/y:1\n", ["x/y:1"]),
        ("", []),
        ("FROM", []),
        ("FROM a:1 \\", ["a:1"]),
        ("FROM \\\n# in between\n\n a:1", ["a:1"]),
        ("FROM a:1\r\nFROM b:1\rx", ["a:1", "b:1"]),
    ],
)
def test_a_dockerfile_is_read_as_buildkit_reads_it(text: str, expected: list[str]) -> None:
    assert [each.shown for each in find("Dockerfile", text).found] == expected


FIRST, OTHERS, SHARED = "3.12 by the defaults", "a digest behind it would hold for every value", "is used elsewhere too"
DOUBLED = "".join(f"ARG A{n + 1}=$A{n}$A{n}\n" for n in range(40))


@pytest.mark.parametrize(
    ("text", "reason", "made"),
    [
        ("ARG V=3.12\nFROM a:${V}\nFROM a:$V AS b\n", FIRST, "ARG V=3.12@D\nFROM a:${V}\nFROM a:$V AS b\n"),
        ("ARG V='3.12'\nFROM \"a:${V}\"\n", FIRST, "ARG V='3.12@D'\nFROM \"a:${V}\"\n"),
        ("ARG M=12\nFROM a:3.$M\n", FIRST, "ARG M=12@D\nFROM a:3.$M\n"),
        ("ARG T=3.12\nARG B=a:$T\nFROM $B\n", FIRST, "ARG T=3.12@D\nARG B=a:$T\nFROM $B\n"),
        ("FROM a:${V:-3.12}\n", FIRST, "FROM a:${V:-3.12@D}\n"),
        ("ARG V=\nFROM a:${V:-3.12}\n", FIRST, "ARG V=\nFROM a:${V:-3.12@D}\n"),
        ("ARG V=3.12\nFROM a:${V-4}\n", FIRST, "ARG V=3.12@D\nFROM a:${V-4}\n"),
        ("ARG V=3\nFROM a:${V:+3.12}\n", FIRST, "ARG V=3\nFROM a:${V:+3.12@D}\n"),
        ("ARG R=r.org\nFROM $R/a:3.12\n", FIRST, "ARG R=r.org\nFROM $R/a:3.12@D\n"),
        ("ARG R=r.org\nFROM $R/a\n", "r.org/a by the defaults", "ARG R=r.org\nFROM $R/a:latest@D\n"),
        ("ARG V=3.12\nFROM a:$V-slim\n", OTHERS, None),
        ("ARG V=3.12\nARG T=$V-slim\nFROM a:$T\n", OTHERS, None),
        ("ARG V=3.12\nFROM a:$V\nARG V\nRUN fetch $V\n", SHARED, None),
        ("ARG V=3.12\nARG W=x$V\nFROM a:$V\nARG W\n", SHARED, None),
        ("ARG V=3.12\nFROM a:$V\nFROM b:$V\n", SHARED, None),
        ("ARG V=3.12\nFROM --platform=$V a:$V\n", SHARED, None),
        ("ARG V\nFROM a:$V\n", "V has no default in this file", None),
        ("ARG V=3.12\nFROM 'a:$V'\n", "filled in by a variable", None),
        (f"ARG A0=x\n{DOUBLED}FROM $A40:1\n", "filled in by a variable", None),
        ("ARG V=\nFROM a:$V\n", "is no image reference", None),
    ],
)
def test_defaults_are_filled_in_and_hold_a_digest_where_another_value_replaces_it(
    text: str, reason: str, made: str | None
) -> None:
    found = find("Dockerfile", text).found
    assert all(reason in judging.verdict(each).reason for each in found)
    wanted = {each: DIGEST for each in found if each.slot is not None}
    assert editing.pinned("Dockerfile", text, wanted) == (made or text).replace("@D", f"@{DIGEST}")
    for each in find("Dockerfile", made.replace("@D", f"@{DIGEST}")).found if made else ():
        assert judging.verdict(each).rule == "pinned"
        assert each.written(Digest("sha256:" + "f" * 64), drop_tag=True) == "@sha256:" + "f" * 64
