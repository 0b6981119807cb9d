"""What a cluster runs, read from ``kubectl get pods,deployments,replicasets,cronjobs -A -o json``. Pure.

Of a pod the images that it was told to run and those that it does run; of what makes pods the images in its template:
a deployment that is scaled to nothing, or a job that runs at night, needs its image as well.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from wharfinger.errors import DigestInvalid, RequestInvalid
from wharfinger.spec import digest as digests
from wharfinger.spec import names
from wharfinger.spec.names import Reference, RepoName

MAX_LENGTH = 512 * 1024 * 1024
PLACES_AT_MOST = 20
_CONTAINERS = ("initContainers", "containers", "ephemeralContainers")
_STATUSES = ("initContainerStatuses", "containerStatuses", "ephemeralContainerStatuses")
_RUNTIMES = ("docker-pullable://", "docker://", "containerd://", "cri-o://")
_DEFAULT_TAG = names.tag("latest")

Key = tuple[RepoName, Reference]


@dataclass(frozen=True, slots=True)
class Found:
    """Images of our registry, each with some of the places where it runs, and how many are of other registries.

    ``unreadable`` are images of ours whose names are none that could be here.
    """

    images: Mapping[Key, list[str]]
    elsewhere: int
    unreadable: Sequence[str]


def read(text: str, hosts: Iterable[str]) -> Found:
    """The images of the registry that is known under ``hosts`` (``registry.example.com:5000``).

    Raises RequestInvalid for what is not a list of Kubernetes objects: an empty report would let everything go.
    """
    if len(text) > MAX_LENGTH:
        raise RequestInvalid(f"more than {MAX_LENGTH >> 20} MiB: report namespace by namespace, under several names")
    ours, images = frozenset(host.lower() for host in hosts), dict[Key, list[str]]()
    elsewhere: set[str] = set()
    unreadable: set[str] = set()
    for item in _items(text):
        place = _place(item)
        for image in _images(item):
            key = _key(image, ours)
            if key is None:
                unreadable.add(image)
            elif key == _ELSEWHERE:
                elsewhere.add(image)
            else:
                places = images.setdefault(key, [])
                if place not in places and len(places) < PLACES_AT_MOST:
                    places.append(place)
    return Found(images, len(elsewhere), sorted(unreadable))


def _items(text: str) -> list[Any]:
    try:
        data = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise RequestInvalid(f"this is no JSON: {error}") from error
    items = data.get("items") if isinstance(data, dict) else None
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise RequestInvalid("this is no list of Kubernetes objects: want the output of kubectl get … -o json")
    return items


def _place(item: dict[str, Any]) -> str:
    metadata = _mapping(item.get("metadata"))
    words = (metadata.get("namespace"), item.get("kind"), metadata.get("name"))
    place = "/".join(str(word)[:100] for word in words if word)
    return place.encode("ascii", "replace").decode()  # as the names of Kubernetes are


def _images(item: dict[str, Any]) -> Iterator[str]:
    spec = _mapping(item.get("spec"))
    for pod in (spec, *_templates(spec)):
        yield from (image for _, image in _named(pod, _CONTAINERS, "image"))
    told = dict(_named(spec, _CONTAINERS, "image"))
    status = _mapping(item.get("status"))
    shown = dict(_named(status, _STATUSES, "image"))
    for name, image in _named(status, _STATUSES, "imageID"):
        yield _with_repository(_bare(image), told.get(name) or shown.get(name) or "")


def _templates(spec: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The pods that it makes: a deployment's, a job's, and a cron job's, which is one deeper."""
    yield _mapping(_mapping(spec.get("template")).get("spec"))
    job = _mapping(_mapping(spec.get("jobTemplate")).get("spec"))
    yield _mapping(_mapping(job.get("template")).get("spec"))


def _named(holder: dict[str, Any], lists: Iterable[str], key: str) -> Iterator[tuple[str, str]]:
    for each in lists:
        containers = holder.get(each)
        for container in containers if isinstance(containers, list) else ():
            image = _mapping(container).get(key)
            if isinstance(image, str) and image:
                yield str(_mapping(container).get("name")), image


def _mapping(value: object) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _bare(image_id: str) -> str:
    for runtime in _RUNTIMES:
        image_id = image_id.removeprefix(runtime)
    return image_id


def _with_repository(image_id: str, image: str) -> str:
    """Some runtimes say the digest alone, which is that of the config or of the manifest."""
    if "/" in image_id or "@" in image_id:
        return image_id
    name = _without_tag(image.partition("@")[0])
    return f"{name}@{image_id}" if name else image_id


def _without_tag(name: str) -> str:
    head, colon, tail = name.rpartition(":")
    return head if colon and "/" not in tail else name


# --- which of them are ours

_ELSEWHERE: Key = (RepoName(""), _DEFAULT_TAG)


def _key(image: str, hosts: frozenset[str]) -> Key | None:
    """Repository and reference; None for what cannot be read."""
    host, slash, rest = image.partition("/")
    if not slash or host.lower() not in hosts:
        return _ELSEWHERE
    name, at, digest = rest.partition("@")
    bare = _without_tag(name)
    tag = name[len(bare) + 1 :]
    if not names.is_repository(bare):
        return None
    if at:
        return _digest_key(RepoName(bare), digest)
    if not tag:
        return RepoName(bare), _DEFAULT_TAG
    return (RepoName(bare), names.tag(tag)) if names.is_tag(tag) else None


def _digest_key(repository: RepoName, digest: str) -> Key | None:
    try:
        return repository, digests.parse(digest)
    except DigestInvalid:
        return None
