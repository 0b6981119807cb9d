"""What stands where the adapter for Trivy runs ``trivy``, whose database cannot be had here.

An image is pulled with the credentials that the adapter gives, and of what is in it OpenSSL 3.0.1-1 is told.

python trivy_stand_in.py --cache-dir F version --format json
python trivy_stand_in.py image … --format json|cyclonedx|spdx-json --output FILE HOST/REPOSITORY@DIGEST
"""

import base64
import io
import json
import os
import sys
import tarfile
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
FOUND = {
    "VulnerabilityID": "CVE-2026-7000",
    "PkgName": "openssl",
    "InstalledVersion": "3.0.1-1",
    "FixedVersion": "3.0.9-1",
    "Title": "Something that Trivy alone knows",
    "Severity": "HIGH",
    "PrimaryURL": "https://avd.example.org/CVE-2026-7000",
}


def main(words: list[str]) -> None:
    if "version" in words:
        print(json.dumps({"Version": "0.50.0"}))
        return
    format_, output = (words[words.index(option) + 1] for option in ("--format", "--output"))
    status = _status_of(words[-1])
    if format_ != "json":
        said: Any = {"bomFormat": "CycloneDX", "specVersion": "1.5", "components": [{"name": "openssl"}]}
    else:
        found = [FOUND] if "Version: 3.0.1-1\n" in status else []
        said = {"SchemaVersion": 2, "Results": [{"Target": words[-1], "Vulnerabilities": found}]}
    Path(output).write_text(json.dumps(said), encoding="utf-8")


def _status_of(name: str) -> str:
    """The packages of Debian in the image."""
    host, _, rest = name.partition("/")
    repository, _, digest = rest.partition("@")
    place = f"http://{host}/v2/{repository}"
    layers = json.loads(_get(f"{place}/manifests/{digest}"))["layers"]
    for each in layers:
        with tarfile.open(fileobj=io.BytesIO(_get(f"{place}/blobs/{each['digest']}"))) as layer:
            for member in layer:
                if member.name == "var/lib/dpkg/status":
                    opened = layer.extractfile(member)
                    return opened.read().decode() if opened else ""
    return ""


def _get(url: str) -> bytes:
    with urlopen(Request(url, headers={"Accept": MANIFEST, "Authorization": _authorization()}), timeout=30) as answer:
        raw: bytes = answer.read()
        return raw


def _authorization() -> str:
    if token := os.environ.get("TRIVY_REGISTRY_TOKEN"):
        return f"Bearer {token}"
    pair = f"{os.environ['TRIVY_USERNAME']}:{os.environ['TRIVY_PASSWORD']}"
    return f"Basic {base64.b64encode(pair.encode()).decode()}"


if __name__ == "__main__":
    main(sys.argv[1:])
