"""Which kind of file it is, and what references it holds. Pure."""

import fnmatch
from collections.abc import Callable, Mapping

from wharfinger.errors import RequestInvalid
from wharfinger.tagging.pinning import dockerfiles, kubernetes, pipelines, yaml_nodes
from wharfinger.tagging.pinning.found import BOM, Findings, Gathering
from wharfinger.tagging.pinning.yaml_nodes import Node

Finder = Callable[[Node, Gathering], None]

FINDERS: Mapping[str, Finder] = {
    "Kubernetes": kubernetes.resources,
    "Kustomize": kubernetes.kustomization,
    "values": kubernetes.values,
    "Compose": pipelines.compose,
    "GitHub": pipelines.github,
    "GitLab": pipelines.gitlab,
    "YAML": kubernetes.resources,
}
_DOCKERFILES = ("dockerfile", "dockerfile.*", "*.dockerfile", "containerfile", "containerfile.*", "*.containerfile")
_YAML = ("*.yaml", "*.yml")
_NAMED: Mapping[str, tuple[str, ...]] = {
    "Kustomize": ("kustomization.yaml", "kustomization.yml", "kustomization"),
    "Compose": ("compose*.y*ml", "docker-compose*.y*ml"),
    "GitLab": (".gitlab-ci*.y*ml", "*.gitlab-ci.y*ml"),
    "values": ("values*.y*ml", "*values.y*ml"),
    "GitHub": ("action.yml", "action.yaml"),
}


def is_known(path: str) -> bool:
    """Whether a file of this name may hold references."""
    return _is_dockerfile(path) or _like(path, _YAML) or _like(path, _NAMED["Kustomize"])


def find(path: str, text: str) -> Findings:
    """Every reference in the file of this path, with slashes. Raises RequestInvalid where it cannot be read."""
    shift = len(BOM) if text.startswith(BOM) else 0
    gathering = Gathering(shift)
    if _is_dockerfile(path):
        dockerfiles.dockerfile(text[shift:], gathering)
        return Findings("Dockerfile", gathering.done())
    if not is_known(path):
        raise RequestInvalid("neither YAML nor a Dockerfile, as far as its name says")
    kinds: dict[str, None] = {}
    for document in _documents(text[shift:]):
        kind = _kind(path, document)
        kinds[kind] = None
        FINDERS[kind](document, gathering)
    return Findings(" ".join(kinds) or "YAML", gathering.done())


def _documents(text: str) -> list[Node]:
    try:
        return yaml_nodes.read(text)
    except RequestInvalid as error:
        if "{{" not in text:
            raise
        raise RequestInvalid("a template, which only its own program can read: pin what it is filled from") from error


def _is_dockerfile(path: str) -> bool:
    return _like(path, _DOCKERFILES) and not _name(path).endswith((".dockerignore", ".containerignore"))


def _name(path: str) -> str:
    return path.rpartition("/")[2].lower()


def _like(path: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatch.fnmatchcase(_name(path), pattern) for pattern in patterns)


def _kind(path: str, document: Node) -> str:
    """By what it says of itself where it does, else by the file's name, else by its shape."""
    if not isinstance(document, yaml_nodes.Mapping):
        return "YAML"
    keys = {key for key, _ in document.entries()}
    if {"apiVersion", "kind"} <= keys:
        kind = document.text("kind")
        api = document.text("apiVersion")
        overlays = kind is not None and api is not None and api.text.startswith("kustomize.config.k8s.io/")
        return "Kustomize" if overlays else "Kubernetes"
    for name, patterns in _NAMED.items():
        if _like(path, patterns):
            return name
    if path.split("/")[-3:-1] == [".github", "workflows"]:
        return "GitHub"
    return _by_shape(document, keys)


def _by_shape(document: yaml_nodes.Mapping, keys: set[str]) -> str:
    if isinstance(document.get("services"), yaml_nodes.Mapping):
        return "Compose"
    if "on" in keys and isinstance(document.get("jobs"), yaml_nodes.Mapping):
        return "GitHub"
    return "YAML"
