"""Images in Kubernetes manifests, in what Kustomize puts in their place, and in the values of Helm charts. Pure."""

from wharfinger.errors import RequestInvalid
from wharfinger.remote import references
from wharfinger.tagging.pinning.found import Form, Found, Gathering, Slot, filled_in
from wharfinger.tagging.pinning.yaml_nodes import Mapping, Node, Scalar, Sequence, walk

CONTAINERS = frozenset(
    {
        *("containers", "initContainers", "ephemeralContainers", "container"),
        *("steps", "sidecars", "stepTemplate"),  # Tekton
    }
)
"""What ``image`` below one of these is a reference, whatever it looks like."""
_NO_IMAGES = frozenset({"ConfigMap", "Secret", "CustomResourceDefinition"})
_NOTES = frozenset({"labels", "annotations", "matchLabels", "data", "stringData", "env"})
_PICTURES = (".png", ".jpg", ".jpeg", ".gif", ".svg", ".webp", ".ico")
_SEVERAL_LINES = "it is written over several lines or with escapes, and is not touched"
_ALIASED = "its tag is used in other places too, and is not touched"
_NO_TAG = "no tag here: what reads this decides, and without one it cannot be pinned"


def resources(root: Node, gathering: Gathering) -> None:
    """Workloads of any kind, alone or in lists; other resources where ``image`` looks like a reference."""
    _everywhere(root, gathering, CONTAINERS)


def values(root: Node, gathering: Gathering) -> None:
    """The values of a chart, where a bare ``image: nginx`` is one too."""
    _everywhere(root, gathering, None)


def _everywhere(root: Node, gathering: Gathering, certain: frozenset[str] | None) -> None:
    for mapping, key in walk(root, _has_none):
        image = mapping.get("image")
        if isinstance(image, Scalar) and certain is not None and key in certain:
            whole(image, gathering)
        elif isinstance(image, Scalar) and key not in _NOTES:
            _guessed(mapping, image, gathering, bare=certain is None)
        elif isinstance(image, Mapping) and key == "volumes" and (source := image.text("reference")) is not None:
            whole(source, gathering)
        _parted(mapping, key, gathering)


def kustomization(root: Node, gathering: Gathering) -> None:
    """The entries of ``images``, which replace names and tags of what they are laid over."""
    images = root.get("images") if isinstance(root, Mapping) else None
    for entry in images.items if isinstance(images, Sequence) else ():
        if isinstance(entry, Mapping):
            _replacement(entry, gathering)


def whole(node: Node | None, gathering: Gathering, *, before: str = "") -> None:
    """A scalar that is a reference, after the text that must be ``before`` it; anything else is nothing."""
    if not isinstance(node, Scalar) or node.is_null or not node.text or not node.text.startswith(before):
        return
    if not node.literal:
        gathering.add(Found(node.start, node.start, node.text, trouble=_SEVERAL_LINES))
        return
    gathering.reference(node.start + len(before), node.text[len(before) :])


def _has_none(mapping: Mapping) -> bool:
    kind = mapping.text("kind")
    return kind is not None and kind.text in _NO_IMAGES and mapping.get("apiVersion") is not None


def _guessed(mapping: Mapping, image: Scalar, gathering: Gathering, *, bare: bool) -> None:
    """``image`` where nothing says that it is one of ours: a picture and the name of a machine are no references."""
    tag = mapping.text("tag")
    if tag is not None and references.is_reference(image.text):
        parsed = references.parse(image.text)
        if parsed.tag is None and parsed.digest is None:
            _slots(parsed.name, image, tag, mapping.text("digest"), gathering)
            return
    looks = (bare or any(sign in image.text for sign in "/:@")) and "://" not in image.text
    if (
        looks
        and not image.text.lower().endswith(_PICTURES)
        and (references.is_reference(image.text) or filled_in(image.text))
    ):
        whole(image, gathering)


def _parted(mapping: Mapping, key: str, gathering: Gathering) -> None:
    """``{registry, repository, tag, digest}`` as charts have it."""
    repository = mapping.text("repository")
    if repository is None or repository.is_null or not repository.text:
        return
    tag, digest = mapping.text("tag"), mapping.text("digest")
    if tag is None and digest is None and not key.lower().endswith("image"):
        return  # where a chart or sources come from
    registry = mapping.text("registry")
    name = repository.text
    if registry is not None and not registry.is_null and registry.text:
        name = f"{registry.text}/{name}"
    if "://" not in name:
        _slots(name, repository, tag, digest, gathering)


def _replacement(entry: Mapping, gathering: Gathering) -> None:
    name = entry.text("newName") or entry.text("name")
    tag, digest = entry.text("newTag"), entry.text("digest")
    if name is None or (tag is None and digest is None and entry.text("newName") is None):
        return  # it replaces nothing
    _slots(name.text, name, tag, digest, gathering)


def _slots(name: str, at: Scalar, tag: Scalar | None, digest: Scalar | None, gathering: Gathering) -> None:
    """A reference in pieces: a digest goes where there is a place for one, else behind the tag."""
    has_tag = tag is not None and not tag.is_null and bool(tag.text)
    has_digest = digest is not None and not digest.is_null and bool(digest.text)
    shown = name
    shown += f":{tag.text}" if tag is not None and has_tag else ""
    shown += f"@{digest.text}" if digest is not None and has_digest else ""
    here = tag if tag is not None and has_tag else at
    trouble = filled_in(shown)
    if not trouble and not has_tag and not has_digest:
        trouble = _NO_TAG
    if not trouble and not all(each.literal for each in (tag, digest) if each is not None and not each.is_null):
        trouble = _SEVERAL_LINES
    try:
        reference = None if trouble else references.parse(shown)
    except RequestInvalid as error:
        reference, trouble = None, error.message
    slot = None if reference is None else _slot(tag, digest)
    if reference is not None and slot is None and not reference.is_pinned:
        reference, trouble = None, _ALIASED
    end = here.start + (len(here.text) if here.literal else 0)
    gathering.add(Found(here.start, end, shown, reference, slot, trouble))


def _slot(tag: Scalar | None, digest: Scalar | None) -> Slot | None:
    """Where the digest goes; None where something else would get it too."""
    written = digest or tag
    if written is None or written.aliased:
        return None
    if written is digest:
        # Where nothing is written after the colon, a space must come before what is.
        before = " " if written.plain and not written.text else ""
        return Slot(written.start, written.start + len(written.text), Form.DIGEST, before)
    return Slot(written.start, written.start + len(written.text), Form.TAG)
