"""Why an image has a vulnerability: the package, the files, the layer that brought it, and what takes it away. Pure."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from wharfinger.scanning.answers.origins import Base, Layer, Origin
from wharfinger.scanning.answers.told import ToldFinding, ToldImage, behind, layers
from wharfinger.scanning.ecosystems import SYSTEM
from wharfinger.scanning.findings import State
from wharfinger.scanning.packages import Package

UPDATING: Mapping[str, str] = {
    "deb": "apt-get install --only-upgrade",
    "apk": "apk add --upgrade",
    "rpm": "dnf upgrade",
}
"""The command that brings packages of a distribution up to date."""

UNFIXED: Mapping[State, str] = {
    "affected": "no version without it is known",
    "fixed": "no version without it is known",
    "wont-fix": "its maintainers will not fix it",
    "deferred": "its maintainers fix it later",
    "under-investigation": "its maintainers still look into it",
}


@dataclass(frozen=True, slots=True)
class Cause:
    """One package that has the vulnerability. ``covers`` are those of languages that its files belong to.

    ``update`` is the least that has to be done, a sentence for each step.
    """

    finding: ToldFinding
    packages: Sequence[Package]
    covers: Sequence[Package]
    layers: Sequence[Layer]
    update: Sequence[str]


@dataclass(frozen=True, slots=True)
class Explanation:
    """All the reasons of one image; none means that it is free of it only where the image is ``is_known``."""

    image: ToldImage
    base: Base
    causes: Sequence[Cause]

    @property
    def is_known(self) -> bool:
        """Whether everything in the image was read and judged."""
        return self.image.status in {"complete", "nothing-to-scan"}


def explain(image: ToldImage, vulnerability: str, origin: Origin, *, package: str | None = None) -> Explanation:
    """Why the image has it, for every package or for one."""
    findings = [each for each in image.findings if each.is_called(vulnerability)]
    causes = [_cause(image, each, origin) for each in findings]
    return Explanation(image, origin.base, [each for each in causes if package is None or _is_about(each, package)])


def _is_about(cause: Cause, name: str) -> bool:
    return name in {cause.finding.package, cause.finding.purl, *(each.name for each in cause.packages)}


def _cause(image: ToldImage, finding: ToldFinding, origin: Origin) -> Cause:
    packages = behind(image, finding)
    purls = {each.purl for each in packages}
    covers = [each for each in image.packages if each.covered_by in purls]
    places = [origin.layer(digest) for digest in layers(packages)]
    return Cause(finding, packages, covers, places, list(_update(finding, packages, covers, places, origin.base)))


def _update(
    finding: ToldFinding, packages: Sequence[Package], covers: Sequence[Package], places: Sequence[Layer], base: Base
) -> Iterator[str]:
    if finding.fixed is None:
        yield f"{UNFIXED[finding.state]}: take {finding.package} out, or state why it does no harm here"
    elif finding.type in SYSTEM:
        names = " ".join(sorted({each.name for each in packages}))
        yield f"update {finding.package} from {finding.version} to {finding.fixed}: {UPDATING[finding.type]} {names}"
    else:
        yield _of_language(finding, packages)
    if covers:
        names = ", ".join(sorted({each.name for each in covers}))
        yield f"{names} comes with it: update the distribution's package, not its files"
    if places and all(each.is_base for each in places):
        yield f"it comes from the base image {base.words}: build upon a newer one, or update it in a layer of your own"


def _of_language(finding: ToldFinding, packages: Sequence[Package]) -> str:
    if finding.type == "golang":
        what = f"Go {finding.fixed}" if finding.package == "stdlib" else f"{finding.package} {finding.fixed}"
        return f"build anew with {what} or later, in place of {finding.version}: {_files(packages)}"
    return f"update {finding.package} from {finding.version} to {finding.fixed}: {_files(packages)}"


def _files(packages: Sequence[Package]) -> str:
    return ", ".join(dict.fromkeys(path for each in packages for path in each.paths)) or "wherever it is"
