"""Small good documents for those parsers that have none among the tests' data."""

import json
from pathlib import Path

NATIVE = Path(__file__).parents[1] / "data" / "advisories" / "native"

_VECTOR = "CVSS:3.1/AV:L/AC:L/PR:L/UI:R/S:C/C:L/I:L/A:N"
_DIGEST = f"sha256:{0:064}"
_METRIC = {"source": "a", "type": "Primary", "cvssData": {"vectorString": _VECTOR}}
_PRODUCT = {"@id": "pkg:deb/debian/openssl@1?distro=debian-12", "subcomponents": [{"@id": "pkg:npm/a@1"}]}
_STATEMENT = {
    "vulnerability": {"name": "CVE-2026-1000"},
    "products": [_PRODUCT],
    "status": "not_affected",
    "justification": "component_not_present",
}
_ANALYSED = {
    "id": "CVE-2026-1000",
    "analysis": {"state": "not_affected", "detail": "no"},
    "affects": [{"ref": "pkg:npm/a@1", "versions": [{"version": "1"}]}],
}
_ITEM = {
    "id": "CVE-1",
    "package": "a",
    "version": "1",
    "fix_version": "2",
    "severity": "High",
    "preferred_cvss": {"vector_v3": _VECTOR},
}
_CAPABILITY = {
    "type": "sbom",
    "consumes_mime_types": ["a"],
    "produces_mime_types": ["b;c"],
    "additional_attributes": {"sbom_media_types": ["d"]},
}
_CONFIG = {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2, "digest": _DIGEST}
_CHILD = {"mediaType": "a/b", "size": 1, "digest": _DIGEST, "platform": {"os": "linux", "architecture": "amd64"}}


def _json(*documents: object) -> tuple[bytes, ...]:
    return tuple(json.dumps(document).encode() for document in documents)


ENRICHING = (
    *_json(
        {"cves": {"CVE-2021-44228": "2021-12-10"}},
        {"CVE-2021-44228": "important"},
        {"vulnerabilities": [{"cveID": "CVE-2021-44228", "dateAdded": "2021-12-10"}], "catalogVersion": "1"},
        {
            "format": "NVD_CVE",
            "vulnerabilities": [{"cve": {"id": "CVE-2016-2781", "metrics": {"cvssMetricV31": [_METRIC]}}}],
        },
    ),
    b"#model_version:v2023.03.01,score_date:2024-10-25\ncve,epss,percentile\nCVE-2021-44228,0.97,0.99\n",
    b"version,codename,series,created,release,eol,eol-lts\n12,B,b,2021-08-14,2023-06-10,2026-07-11,2028-06-30\n",
)

VEX = (
    *_json(
        {
            "@context": "https://openvex.dev/ns/v0.2.0",
            "@id": "a",
            "author": "a",
            "timestamp": "2026-02-01T00:00:00Z",
            "version": 1,
            "statements": [_STATEMENT],
        },
        {"bomFormat": "CycloneDX", "specVersion": "1.6", "vulnerabilities": [_ANALYSED]},
    ),
    (NATIVE / "redhat-CVE-2022-38752.json").read_bytes(),
)

POLICY = b"""\
version: 1
access:
  roles: {r: [pull]}
  groups: {team: [anna]}
  services: {ci: {owner: anna}}
  grants:
    - {principal: group:team, role: publisher, pattern: shop/**, tags: ["v*"], networks: [10.0.0.0/8]}
tags:
  - {repositories: shop/**, immutable: "v*"}
lifecycle:
  - {name: a, repositories: shop/**, keep: [{newest: 5}], delete: [{older_than: 30d}]}
"""

ADAPTER = _json(
    {"scanner": {"name": "Trivy"}, "capabilities": [_CAPABILITY], "properties": {"a": "b"}},
    {"generated_at": "2026-01-01", "scanner": {"name": "a", "version": "1"}, "vulnerabilities": [_ITEM]},
    {"id": "abc", "sbom": {"a": 1}, "error": {"message": "no"}},
)

MANIFEST = _json(
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _CONFIG,
        "layers": [],
    },
    {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [_CHILD],
        "annotations": {"a": "b"},
    },
)
