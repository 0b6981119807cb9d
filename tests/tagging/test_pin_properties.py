"""Whatever a file looks like: outside the references it stays the same, byte for byte, and they keep their names."""

from dataclasses import dataclass

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wharfinger.errors import Refusal, RequestInvalid
from wharfinger.remote import references
from wharfinger.spec.digest import Digest
from wharfinger.tagging.pinning import editing
from wharfinger.tagging.pinning.finding import find
from wharfinger.tagging.pinning.found import Lines

DIGEST = Digest("sha256:" + "e" * 64)

COMPONENTS = st.from_regex(r"\A[a-z0-9]{1,6}(?:(?:\.|_|__|--?)[a-z0-9]{1,4})?\Z")
HOSTS = st.sampled_from(["", "ghcr.io/", "localhost/", "registry.example.org:5000/", "Host/", "127.0.0.1:80/"])
TAGS = st.from_regex(r"\A(?::[a-zA-Z0-9_][a-zA-Z0-9._-]{0,8})?\Z")


@st.composite
def written_references(draw: st.DrawFn) -> str:
    text = draw(HOSTS) + "/".join(draw(st.lists(COMPONENTS, min_size=1, max_size=3))) + draw(TAGS)
    # Plain scalars that YAML has other ideas about, and names that a Dockerfile's stages have.
    assume(references.is_reference(text) and text not in {"null", "scratch", "s", "~"} and not text.isdigit())
    return text


@dataclass(frozen=True)
class Piece:
    """What stands before a reference, and after it."""

    before: str
    reference: str
    after: str


@dataclass(frozen=True)
class File:
    name: str
    text: str
    pinned: str
    references: tuple[str, ...]


def assembled(name: str, head: str, pieces: list[Piece], end: str, *, bom: bool, newline: str) -> File:
    """Written down twice by this test itself: as it is, and as it is to be."""

    def lines(text: str) -> str:
        return text.replace("\n", newline)

    def whole(pin: bool) -> str:
        mark = "\ufeff" if bom else ""
        middle = "".join(
            lines(each.before) + (pinned(each.reference) if pin else each.reference) + lines(each.after)
            for each in pieces
        )
        return mark + lines(head) + middle + lines(end)

    return File(name, whole(pin=False), whole(pin=True), tuple(each.reference for each in pieces))


def pinned(text: str) -> str:
    tag = "" if references.parse(text).tag else ":latest"
    return f"{text}{tag}@{DIGEST}"


COMMENTS = st.sampled_from(["", " # ü comment: image: x/y:1", "   #"])
ENDS = st.sampled_from(["\n", "\n\n", "", "\n# the end 😀", "\n---\n", "\n...\n"])


@st.composite
def manifests(draw: st.DrawFn) -> File:
    head = draw(st.sampled_from(["", "# 😀\n", "---\n", "%YAML 1.1\n---\n"]))
    head += "apiVersion: v1\nkind: Pod\nmetadata: {name: ü}\nspec:\n"
    pieces = []
    for key in draw(st.lists(st.sampled_from(["containers", "initContainers"]), min_size=1, unique=True)):
        start = f"  {key}:\n"
        for text in draw(st.lists(written_references(), min_size=1, max_size=4)):
            quote = draw(st.sampled_from(["", "'", '"']))
            blanks = draw(st.sampled_from([" ", "   ", " &a ", " !!str "]))
            shape = draw(st.sampled_from(["block", "flow", "json"]))
            after = draw(COMMENTS)
            match shape:
                case "block":
                    pieces.append(Piece(f"{start}  -   image:{blanks}{quote}", text, f"{quote}{after}\n"))
                case "flow":
                    pieces.append(Piece(f"{start}  - {{name: b, image:{blanks}{quote}", text, f"{quote} }}{after}\n"))
                case _:
                    pieces.append(Piece(f'{start}  - {{"image" : "', text, f'", "x": [1]}}{after}\n'))
            start = ""
    return assembled(
        "pod.yaml", head, pieces, draw(ENDS), bom=draw(st.booleans()), newline=draw(st.sampled_from(["\n", "\r\n"]))
    )


@st.composite
def dockerfiles(draw: st.DrawFn) -> File:
    pieces = []
    for text in draw(st.lists(written_references(), min_size=1, max_size=5)):
        before, after = draw(
            st.sampled_from(
                [
                    ("FROM ", "\n"),
                    ("from  --platform=$X\t", "  AS s\nRUN echo FROM a:1\n"),
                    ("FROM \\\n# FROM x:1\n\n  ", " \\\n AS s\n"),
                    ('FROM "', '"\n'),
                    ("FROM scratch\nCOPY --chown=a --from=", " /a /b\n"),
                    ("FROM scratch\nRUN --mount=type=bind,from=", ",target=/x cat <<A <<-B\nFROM x:1\nA\n\tB\n"),
                    ("FROM scratch\nONBUILD RUN \\\n --mount=from=", " \\\n  x\n"),
                ]
            )
        )
        pieces.append(Piece(before, text, after))
    return assembled(
        "Dockerfile",
        draw(st.sampled_from(["", "# ü\n", "\n \n", "# check=skip=all\n"])),
        pieces,
        draw(st.sampled_from(["", "\n", "# end", "RUN true"])),
        bom=draw(st.booleans()),
        newline=draw(st.sampled_from(["\n", "\r\n"])),
    )


@settings(max_examples=150, deadline=None)
@given(st.one_of(manifests(), dockerfiles()))
def test_what_is_written_differs_in_its_references_alone(file: File) -> None:
    found = find(file.name, file.text).found
    assert tuple(each.shown for each in found) == file.references
    made = editing.pinned(file.name, file.text, dict.fromkeys(found, DIGEST))
    assert made == file.pinned
    for was, now in zip(found, find(file.name, made).found, strict=True):
        assert was.reference is not None
        assert now.reference is not None
        assert now.reference.name == was.reference.name
        assert now.reference.repository == was.reference.repository
        assert now.reference.digest == DIGEST


@settings(max_examples=60, deadline=None)
@given(st.one_of(manifests(), dockerfiles()))
def test_each_stands_where_it_is_said_to(file: File) -> None:
    rows = file.text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    lines = Lines(file.text)
    for each in find(file.name, file.text).found:
        line, column = lines.place(each.start)
        assert rows[line - 1][column - 1 :].startswith(each.shown)


NASTY = st.text(
    st.one_of(st.sampled_from(list("image:FROM \n\r\t\\#<&*{}[]'\"$-@/|>!%,?~\ufeff`=EOF")), st.characters()),
    max_size=200,
)
WORDS = st.lists(
    st.sampled_from(
        [
            *("FROM ", "image: ", "a/b:1", "&a ", "*a", "\n", "\r\n", "  ", "- ", "{", "}", "[", "]", ", ", "'", '"'),
            *("COPY --from=", "RUN --mount=from=", "<<E", "E\n", "\\\n", "# syntax=", "ARG X=", "$X", "repository: "),
            *("tag: ", "digest: ", "services:\n", "containers:\n", "<<: ", "? ", ": ", "|\n", ">-\n", "---\n", "!t "),
        ]
    ),
    max_size=30,
).map("".join)


@settings(max_examples=300, deadline=None)
@given(
    st.one_of(NASTY, WORDS),
    st.sampled_from(["Dockerfile", "x.yaml", "values.yaml", "kustomization.yaml", "compose.yml"]),
)
def test_whatever_is_in_a_file_it_is_read_or_refused_and_written_right_or_not_at_all(text: str, name: str) -> None:
    try:
        found = find(name, text).found
    except RequestInvalid:
        return
    for each in found:
        assert 0 <= each.start <= each.end
    chosen = {each: DIGEST for each in found if each.slot is not None}
    try:
        made = editing.pinned(name, text, chosen)
    except Refusal:
        return
    again = find(name, made).found
    assert len(again) == len(found)
    assert all(
        now.reference is not None and now.reference.is_pinned for now, was in zip(again, found, strict=True) if was.slot
    )
