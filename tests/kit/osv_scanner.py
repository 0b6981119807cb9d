"""An independent scanner: osv-scanner, on the advisories that it is given and on no network."""

import json
import os
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.kit.advisories import Raw, write_zip
from tests.kit.parts.tools import tool

# It ends with 1 when it has found something, which is what it is asked for here.
_ENDS = (0, 1)


@dataclass(frozen=True)
class Found:
    """A package that an advisory is about, as osv-scanner calls both, and the layer it came with, by its plain hash."""

    ecosystem: str
    name: str
    version: str
    advisory: str
    layer: str


def database(folder: Path, records: Sequence[Raw], ecosystems: Iterable[str]) -> Path:
    """The records as it keeps them: an archive for each ecosystem, ``Debian:12`` being one of its own."""
    for ecosystem in ecosystems:
        place = folder / "osv-scanner" / ecosystem
        place.mkdir(parents=True)
        write_zip(place / "all.zip", [each for each in records if _is_of(each, ecosystem.partition(":")[0])])
    return folder


def in_image(archive: Path, known: Path) -> set[Found]:
    """What it finds in what ``docker save`` writes."""
    return _run(known, "--experimental-oci-image", archive)


def in_bill(bill: Path, known: Path) -> set[Found]:
    """What it finds in a bill of materials; the file's name has to tell its format."""
    return _run(known, "--sbom", bill)


def _is_of(record: Raw, ecosystem: str) -> bool:
    return any(each["package"]["ecosystem"].partition(":")[0] == ecosystem for each in record["affected"])


def _run(known: Path, *words: str | Path) -> set[Found]:
    command = [tool("osv-scanner"), "scan", "--experimental-offline", "--format", "json", *words]
    where = {"OSV_SCANNER_LOCAL_DB_CACHE_DIRECTORY": str(known), "HOME": str(known)}
    ran = subprocess.run(command, capture_output=True, check=False, timeout=300, env=os.environ | where)
    assert ran.returncode in _ENDS, ran.stderr.decode()
    assert b"could not" not in ran.stderr, ran.stderr.decode()
    return {
        Found(
            package["package"]["ecosystem"],
            package["package"]["name"],
            package["package"]["version"],
            vulnerability["id"],
            package["package"].get("imageOrigin", {}).get("layerID", ""),
        )
        for result in json.loads(ran.stdout)["results"]
        for package in result["packages"]
        for vulnerability in package["vulnerabilities"]
    }
