"""What is known of a target: by the registry that one is logged in to where it is an image of that, else by a scan."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from wharfinger.cli import gate_files, registries, targets
from wharfinger.cli.references import Image
from wharfinger.errors import RequestInvalid
from wharfinger.spec import names

if TYPE_CHECKING:
    from wharfinger.scanning.answers.origins import Origin
    from wharfinger.scanning.answers.told import Told, ToldImage

KnownTarget = Annotated[
    str,
    Parameter(
        help="What wharf scan takes. An image of the registry you are logged in to, as shop/web:1.4, is known there"
        " already, and nothing is scanned."
    ),
]
ElseAdvisories = Annotated[
    Path | None,
    Parameter(help="Scan by these advisories, also what the registry knows. Else those of wharf advisories."),
]


@dataclass(frozen=True, slots=True)
class Meant:
    """A target as any registry's client reads it, and which image of our own registry it is, if it is one."""

    text: str
    own: Image | None = None


def meant(target: str, host: str | None = None) -> Meant:
    """What a target stands for: without a registry in its name, an image of our own one, if there is one.

    That is the one at ``host``, or else the one that is logged in to.
    """
    from wharfinger.remote.references import DOCKER, ImageReference
    from wharfinger.scanning.targets import naming

    name, login = naming.parse(target), registries.own_login()
    if host is None and login is not None:
        host = registries.host(login)
    if host is None or not isinstance(name, ImageReference):
        return Meant(target)
    is_short = name.registry == DOCKER and not name.name.startswith((DOCKER, f"index.{DOCKER}"))
    if name.registry != host and (not is_short or target.startswith("docker://")):
        return Meant(target)
    repository = names.repository(name.name if is_short else name.repository)
    image = Image(repository, name.digest or names.tag(name.meant_tag))
    return Meant(f"{host}/{image}", image)


def known(
    target: str,
    advisories: Path | None,
    *,
    platform: str | None,
    plain_http: list[str] | None,
    vex: Sequence[Path] | None = None,
) -> "Told":
    """What is known of a target's images. Raises Refusal where nothing is, and it cannot be found out."""
    found = meant(target)
    if found.own is None or advisories is not None:
        return _scanned(target, found.text, advisories, platform, plain_http, vex or ())
    if vex:
        raise RequestInvalid(f"what does no harm in {target} is for its registry to say; --vex needs --advisories too")
    return _told(target, _verdicts(found.own), platform)


def origins(target: str, digests: Collection[str], plain_http: list[str] | None) -> "Mapping[str, Origin]":
    """Where the layers of these images of the target come from, as their manifests and configurations tell."""
    from wharfinger.scanning.answers.origins import Origin

    if not digests:
        return {}
    with targets.opened(meant(target).text, plain_http) as opened:
        return {
            each.digest: Origin([layer.digest for layer in each.layers or ()], each.history, opened.base(each))
            for each in opened.images
            if each.digest in digests
        }


def origin(origins: "Mapping[str, Origin]", digest: str) -> "Origin":
    """One of them; of an image that is not at the target any more, nothing is known."""
    from wharfinger.scanning.answers.origins import Origin

    return origins.get(digest) or Origin()


def _verdicts(image: Image) -> Sequence[dict[str, Any]]:
    from wharfinger.cli.client import logged_in

    with logged_in() as client:
        found: Sequence[dict[str, Any]] = client.get(f"/verdicts/{image.repository}/{image.reference}")["images"]
    return found


def _told(target: str, images: Sequence[dict[str, Any]], platform: str | None) -> "Told":
    from wharfinger.scanning.answers import told

    verdicts = [_verdict(target, each) for each in images if each["state"] != "nothing-to-scan"]
    if not verdicts:
        raise RequestInvalid(f"{target} has no file system, so there is nothing known of it")
    found = [told.read(each["report"]) for each in verdicts]
    return told.Told(target, frozenset(each["advisories"] for each in verdicts), _chosen(found, platform))


def _verdict(target: str, image: dict[str, Any]) -> dict[str, Any]:
    verdict: dict[str, Any] | None = image["verdict"]
    if verdict is None:
        what = "waits to be scanned" if image["state"] == "waiting" else "was not scanned by the registry"
        raise RequestInvalid(f"{target} {what}: ask again later, or scan it here with --advisories")
    return verdict


def _chosen(images: "Sequence[ToldImage]", platform: str | None) -> "Sequence[ToldImage]":
    from wharfinger.scanning.targets.images import is_for

    found = [each for each in images if is_for(each.platform, platform)]
    if not found:
        known = ", ".join(each.platform or "one that says none" for each in images)
        raise RequestInvalid(f"there is no image for {platform}; there are: {known}")
    return found


def _scanned(
    target: str,
    text: str,
    advisories: Path | None,
    platform: str | None,
    plain_http: list[str] | None,
    vex: Sequence[Path],
) -> "Told":
    from wharfinger.scanning.answers import told
    from wharfinger.scanning.findings import Severity
    from wharfinger.scanning.vex import applying

    statements = [statement for path in vex for statement in gate_files.statements_of(path)]
    scan, opened = targets.scanned(
        text,
        advisories,
        today=datetime.now(UTC).date(),
        platform=platform,
        plain_http=plain_http,
        unknown_as=Severity.HIGH,
    )
    images = applying.apply(scan.images, statements, repository=opened.repository, roots=opened.roots).images
    return told.Told(target, frozenset((scan.sha256,)), [told.of(each) for each in images])
