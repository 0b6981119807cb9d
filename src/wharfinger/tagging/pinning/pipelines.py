"""Images in Compose files, GitHub's workflows and actions, and GitLab's pipelines. Pure."""

from wharfinger.tagging.pinning.found import Gathering
from wharfinger.tagging.pinning.kubernetes import whole
from wharfinger.tagging.pinning.yaml_nodes import Mapping, Node, Sequence

IMAGE_SCHEME = "docker-image://"
ACTION_SCHEME = "docker://"


def compose(root: Node, gathering: Gathering) -> None:
    """``services.*.image``, unless the service is built: then it is the name that it gets."""
    for service in _below(root, "services"):
        if service.get("build") is None:
            whole(service.get("image"), gathering)
        build = service.get("build")
        contexts = build.get("additional_contexts") if isinstance(build, Mapping) else None
        for _, context in contexts.entries() if isinstance(contexts, Mapping) else ():
            whole(context, gathering, before=IMAGE_SCHEME)
        for volume in _items(service.get("volumes")):
            kind = volume.text("type")
            if kind is not None and kind.text == "image":
                whole(volume.get("source"), gathering)


def github(root: Node, gathering: Gathering) -> None:
    """``container``, ``services`` and ``uses: docker://…`` of jobs and actions."""
    for job in _below(root, "jobs"):
        container = job.get("container")
        whole(container.get("image") if isinstance(container, Mapping) else container, gathering)
        for service in _below(job, "services"):
            whole(service.get("image"), gathering)
        _steps(job, gathering)
    runs = root.get("runs") if isinstance(root, Mapping) else None
    if isinstance(runs, Mapping):
        whole(runs.get("image"), gathering, before=ACTION_SCHEME)
        _steps(runs, gathering)


def _steps(job: Mapping, gathering: Gathering) -> None:
    for step in _items(job.get("steps")):
        whole(step.get("uses"), gathering, before=ACTION_SCHEME)


def gitlab(root: Node, gathering: Gathering) -> None:
    """``image`` and ``services`` of the pipeline, of its defaults and of its jobs."""
    if not isinstance(root, Mapping):
        return
    _job(root, gathering)
    for name, job in root.entries():
        if isinstance(job, Mapping) and name not in {"variables", "include", "workflow", "spec"}:
            _job(job, gathering)


def _job(job: Mapping, gathering: Gathering) -> None:
    _named(job.get("image"), gathering)
    services = job.get("services")
    for service in services.items if isinstance(services, Sequence) else ():
        _named(service, gathering)


def _named(node: Node | None, gathering: Gathering) -> None:
    whole(node.get("name") if isinstance(node, Mapping) else node, gathering)


def _below(root: Node, name: str) -> list[Mapping]:
    found = root.get(name) if isinstance(root, Mapping) else None
    return [value for _, value in found.entries() if isinstance(value, Mapping)] if isinstance(found, Mapping) else []


def _items(node: Node | None) -> list[Mapping]:
    return [item for item in node.items if isinstance(item, Mapping)] if isinstance(node, Sequence) else []
