"""The official conformance tests of the distribution specification, in the coming version, with everything on."""

import secrets
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from tests.kit.parts.tools import tool
from tests.kit.parts.wharf import wharf
from tests.system.registry import Registry
from tests.system.servers import BACKENDS, server_environment

pytestmark = pytest.mark.system

APIS = """
PING PULL PUSH BLOBS_ATOMIC BLOBS_DELETE BLOBS_DIGEST_HEADER BLOBS_MOUNT_ANONYMOUS BLOBS_UPLOAD_CANCEL
MANIFESTS_ATOMIC MANIFESTS_DELETE MANIFESTS_DIGEST_HEADER MANIFESTS_TAG_PARAM TAGS_ATOMIC TAGS_DELETE TAGS_LIST REFERRER
"""
DATA = """
IMAGE INDEX INDEX_LIST ARTIFACT SUBJECT SUBJECT_MISSING ARTIFACT_LIST SUBJECT_LIST DATA_FIELD NONDISTRIBUTABLE
CUSTOM_FIELDS NO_LAYERS EMPTY_BLOB SHA512
"""
EVERYTHING = {**{f"OCI_API_{name}": "true" for name in APIS.split()}, **{f"OCI_DATA_{n}": "true" for n in DATA.split()}}


@pytest.fixture(params=BACKENDS)
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Mapping[str, str]]:
    """The settings of a server with this database and store, both empty."""
    with server_environment(request.param, tmp_path) as environment:
        yield environment


def test_everything_but_sparse_content(backend: Mapping[str, str], tmp_path: Path) -> None:
    assert _outcomes(tmp_path, backend, {"OCI_DATA_SPARSE": "false"}).keys() == {"passed"}


def test_everything(backend: Mapping[str, str], tmp_path: Path) -> None:
    allowing = {**backend, "WHARF_SPARSE_MANIFESTS": "allow"}
    assert _outcomes(tmp_path, allowing, {"OCI_DATA_SPARSE": "true"}).keys() == {"passed"}


def _outcomes(folder: Path, server: Mapping[str, str], more: Mapping[str, str]) -> Counter[str]:
    """How often each outcome came about; every one that is not "passed" is printed with its reason."""
    password = secrets.token_urlsafe(12)
    with wharf(folder, password=password, environment=server) as host:
        # Through tokens, as somebody who may do what the tests do, where they do it, and nothing else.
        account = Registry(host, "admin", password).account("conformance", ("maintainer", "conformance/*"))
        report = _run(account, folder, {**EVERYTHING, **more})
    outcomes = Counter(case.get("status", "unknown") for case in report)
    for case in report:
        if case.get("status") != "passed":
            print(case.get("status"), case.get("name"), case.findtext("system-out"), case.findtext("system-err"))
    print(f"conformance: {dict(outcomes)}")
    return outcomes


def _run(registry: Registry, results: Path, options: Mapping[str, str]) -> list[ET.Element]:
    settings = {
        "OCI_VERSION": "dev",
        "OCI_REGISTRY": registry.host,
        "OCI_TLS": "disabled",
        "OCI_USERNAME": registry.username,
        "OCI_PASSWORD": registry.password,
        "OCI_REPO1": "conformance/repo1",
        "OCI_REPO2": "conformance/repo2",
        "OCI_RESULTS_DIR": str(results),
    }
    # It ends with 1 if anything failed; the report says what.
    subprocess.run([tool("conformance")], env={**settings, **options}, cwd=results, timeout=600, check=False)
    suites = ET.parse(results / "junit.xml").getroot()
    cases = list(suites.iter("testcase"))
    assert cases, "the report has no test in it"
    return cases
