"""Bills of material that lie in the image: CycloneDX and SPDX in JSON, whose package URLs say what there is. Pure."""

from collections.abc import Iterator

import msgspec
from packageurl import PackageURL

from wharfinger.scanning.cataloguers.kind import Cataloguer, json_of
from wharfinger.scanning.cataloguers.python import normalised
from wharfinger.scanning.contents import File
from wharfinger.scanning.layers import Found, Statement
from wharfinger.scanning.limits import Unreadable
from wharfinger.scanning.packages import Source

_TYPES = frozenset(
    {"apk", "cargo", "composer", "deb", "gem", "golang", "maven", "npm", "nuget", "pypi", "rpm"},
)
_DISTRIBUTED = frozenset({"apk", "deb", "rpm"})
_NAMES = ("bom.json", "sbom.json")
_ENDINGS = (".cdx.json", ".spdx.json", ".sbom.json", ".cyclonedx.json", ".syft.json", ".spdx")
_MOST_LEVELS = 32


class _Component(msgspec.Struct):
    purl: str = ""
    components: list["_Component"] = []


class _Reference(msgspec.Struct):
    kind: str = msgspec.field(default="", name="referenceType")
    locator: str = msgspec.field(default="", name="referenceLocator")


class _Package(msgspec.Struct):
    references: list[_Reference] = msgspec.field(default_factory=list, name="externalRefs")


class _Bill(msgspec.Struct):
    format: str = msgspec.field(default="", name="bomFormat")
    version: str = msgspec.field(default="", name="spdxVersion")
    components: list[_Component] = []
    packages: list[_Package] = []


def _bill(file: File) -> Iterator[Statement]:
    bill = json_of(file, _Bill)
    if not bill.format and not bill.version:
        return  # some other file of this name
    for purl in [*_of_components(bill.components), *_of_packages(bill.packages)]:
        if (found := _found(purl)) is not None:
            yield found


def _of_components(components: list[_Component], level: int = 0) -> Iterator[str]:
    if level > _MOST_LEVELS:
        raise Unreadable("components within components that do not end")
    for component in components:
        yield component.purl
        yield from _of_components(component.components, level + 1)


def _of_packages(packages: list[_Package]) -> Iterator[str]:
    for package in packages:
        yield from (each.locator for each in package.references if each.kind == "purl")


def _found(text: str) -> Found | None:
    """A package of a kind that there are advisories for; a URL that is none says nothing."""
    try:
        purl = PackageURL.from_string(text)
    except ValueError:
        return None
    if purl.type not in _TYPES or not purl.version:
        return None
    qualifiers = purl.qualifiers if isinstance(purl.qualifiers, dict) else {}
    if purl.type in _DISTRIBUTED:
        epoch = f"{qualifiers['epoch']}:" if qualifiers.get("epoch") else ""
        version = f"{epoch}{purl.version}"
        source = Source(qualifiers.get("upstream", purl.name).partition("@")[0], version)
        return Found(purl.type, purl.name, version, source, qualifiers.get("arch", ""), purl=purl.to_string())
    return Found(purl.type, _name(purl), purl.version)


def _name(purl: PackageURL) -> str:
    if purl.type == "pypi":
        return normalised(purl.name)
    return f"{purl.namespace}{':' if purl.type == 'maven' else '/'}{purl.name}" if purl.namespace else purl.name


def _accepts(path: str) -> bool:
    name = path.rpartition("/")[2].lower()
    if "site-packages/" in path and "/sboms/" not in path:  # PEP 770 has a folder for them; others are examples
        return False
    return name in _NAMES or name.endswith(_ENDINGS)


SBOM = Cataloguer("sbom", _bill, endings=frozenset({".json", ".spdx"}), accepts=_accepts)
