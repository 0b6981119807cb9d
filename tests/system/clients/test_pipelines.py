"""The steps of the guide on pipelines, as they are, run by a shell that has nothing but what such a job has.

So does what ``wharf login --also`` gives to Docker and Podman: it is good for whatever reads what they keep.
"""

import base64
import json
import re
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.kit import gitlab as reports
from tests.kit.advisories import for_server
from tests.kit.parts.docker import Docker, docker
from tests.kit.parts.github_actions import github_actions
from tests.kit.parts.issuer import Issuer, github, gitlab, issuer, kubernetes
from tests.kit.parts.tools import tool
from tests.kit.parts.wharf import wharf
from tests.kit.rootfs import TAG, single_image
from tests.scanning import trees
from tests.scanning.test_commands import OPENSSL
from tests.system.clients.home import in_layout, in_registry
from tests.system.registry import Registry

pytestmark = pytest.mark.system

GUIDE = (Path(__file__).parents[3] / "docs/guides/scanning-in-ci.md").read_text()
GITHUB, GITLAB, JENKINS, TEKTON = re.findall(r"```(?:yaml|groovy)\n(.*?)```", GUIDE, re.DOTALL)
ELSEWHERE = GUIDE[GUIDE.index("## An image of another registry") :]
JOB = "https://jenkins.example.org/job/shop/"
CLAIMS = (
    {"repository_id": "123"},
    {"project_id": "42"},
    {"sub": JOB},
    {"/kubernetes.io/namespace": "build", "/kubernetes.io/serviceaccount/name": "ci"},
)
PASSWORD = "correct horse battery"
GOOD, BAD = "3.0.17-1~deb12u2", "3.0.11-1~deb12u1"


@dataclass(frozen=True)
class House:
    """A registry that judges, the issuer of its pipelines' tokens, and an engine."""

    registry: Registry
    issuer: Issuer
    engine: Docker
    advisories: Path

    def job(self, folder: Path, **environment: str) -> "Job":
        return Job(self, folder, environment)

    def token(self, claims: Mapping[str, Any]) -> str:
        return self.issuer.sign({**claims, "aud": self.registry.url})


@dataclass(frozen=True)
class Job:
    """Where a pipeline's lines run: a folder for its files and its home, and an environment without anything else."""

    house: House
    folder: Path
    environment: Mapping[str, str]

    def __post_init__(self) -> None:
        programs = self.folder / "bin"
        programs.mkdir(parents=True)
        (programs / "wharf").symlink_to(Path(sys.prefix, "bin", "wharf"))
        for name in ("docker", "crane"):
            (programs / name).symlink_to(tool(name))
        (programs / "pip").write_text('#!/bin/sh\n[ "$*" = "install wharfinger" ]\n')
        (programs / "pip").chmod(0o755)
        storage = f'[storage]\ndriver = "vfs"\ngraphroot = "{self.folder}/images"\nrunroot = "{self.folder}/run"\n'
        (self.folder / "storage.conf").write_text(storage)

    def holds(self, openssl: str) -> None:
        """What is checked out here: an image of Debian with this version of OpenSSL."""
        status = self.folder / "root/var/lib/dpkg/status"
        status.parent.mkdir(parents=True)
        status.write_bytes(trees.dpkg(openssl=openssl))
        (self.folder / "root/etc").mkdir()
        (self.folder / "root/etc/os-release").write_bytes(trees.DEBIAN)
        (self.folder / "Dockerfile").write_text("FROM scratch\nCOPY root /\n")

    def __call__(self, line: str, *shell: str) -> int:
        """Run a line of the guide; what it says is shown where the test fails."""
        host = self.house.registry.host
        here = line.replace("https://registry.example.org", f"http://{host}").replace("registry.example.org", host)
        here = here.replace("registry.example.com", host)
        words = [*(shell or ("sh", "-ec")), here.replace("/var/run/wharf", str(self.folder))]
        done = subprocess.run(words, cwd=self.folder, env=self._environment(), timeout=300, check=False)
        return done.returncode

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": f"{self.folder}/bin:/usr/bin:/bin:/usr/sbin:/sbin",
            "HOME": str(self.folder),
            "XDG_RUNTIME_DIR": str(self.folder),
            "CONTAINERS_STORAGE_CONF": f"{self.folder}/storage.conf",
            "DOCKER_HOST": self.house.engine.host,
            **self.environment,
        }

    def all(self, lines: Sequence[str], *shell: str) -> int:
        """The status of the first line that fails, or of all of them."""
        return next((status for line in lines if (status := self(line, *shell))), 0)


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    folder = tmp_path_factory.mktemp("house")
    settings = for_server(folder, [OPENSSL])
    with (
        wharf(folder, password=PASSWORD, environment=settings) as host,
        issuer() as ci,
        docker(folder) as engine,
    ):
        registry = Registry(host, "admin", PASSWORD)
        registry.account("ci-shop", ("publisher", "shop/**"))
        registry.post("/issuers", {"url": ci.url, "audience": registry.url, "private": True})
        for claims in CLAIMS:
            registry.post("/trusts", {"account": "ci-shop", "issuer": ci.url, "claims": claims})
        yield House(registry, ci, engine, Path(settings["WHARF_ADVISORIES"]))


@pytest.mark.parametrize(("openssl", "status"), [(GOOD, 0), (BAD, 1)])
def test_the_guides_pipelines_pass_what_may_go_on_and_stop_what_may_not(
    house: House, tmp_path: Path, openssl: str, status: int
) -> None:
    with github_actions(house.issuer) as offer:
        job = house.job(tmp_path / "github", **offer.environment)
        job.holds(openssl)
        *before, gate = [each["run"] for each in yaml.safe_load(GITHUB)["steps"] if "run" in each]
        assert job.all(before, "bash", "-e", "-c") == 0
        assert job(gate, "bash", "-e", "-c") == status
        assert json.loads((job.folder / "gate.sarif").read_text())["version"] == "2.1.0"

    now = time.time()
    job = house.job(tmp_path / "gitlab", WHARF_ID_TOKEN=house.token(gitlab(house.issuer.url, now)))
    *before, gate = yaml.safe_load(GITLAB)["wharf_container_scanning"]["script"]
    assert (job.all(before), job(gate)) == (0, status)
    assert reports.problems(json.loads((job.folder / "gl-container-scanning-report.json").read_text())) == []

    claims = {"iss": house.issuer.url, "sub": JOB, "iat": int(now), "exp": int(now) + 3600}
    job = house.job(tmp_path / "jenkins", WHARF_ID_TOKEN=house.token(claims))
    *before, gate = re.findall(r"sh '(.*)'", JENKINS)
    assert (job.all(before, "sh", "-xec"), job(gate, "sh", "-xec")) == (0, status)
    assert ET.parse(job.folder / "gate.xml").getroot().tag == "testsuites"

    job = house.job(tmp_path / "tekton")
    (job.folder / "token").write_text(house.token(kubernetes(house.issuer.url, now)))
    (step,) = yaml.safe_load(TEKTON)["steps"]
    assert job(step["script"], *step["script"].splitlines()[0].removeprefix("#!").split(), "-c") == status


@pytest.mark.parametrize(("openssl", "status"), [(GOOD, 0), (BAD, 1)])
def test_so_do_the_guides_lines_for_what_this_registry_does_not_judge(
    house: House, tmp_path: Path, openssl: str, status: int
) -> None:
    job = house.job(tmp_path / "elsewhere")
    built = trees.image([{"etc/os-release": trees.DEBIAN, "var/lib/dpkg/status": trees.dpkg(openssl=openssl)}])
    trees.archive(job.folder / "web.tar", built)
    default = job.folder / ".local/share/wharfinger/advisories.db"
    default.parent.mkdir(parents=True)
    default.symlink_to(house.advisories)
    (job.folder / "advisories.db").symlink_to(house.advisories)
    registry = house.registry
    push = f"skopeo copy -q --dest-tls-verify=false --dest-creds '{registry.username}:{registry.password}'"
    assert job(f"{push} oci-archive:web.tar docker://registry.example.com/shop/web:1.4") == 0
    auth = base64.b64encode(f"{registry.username}:{registry.password}".encode()).decode()
    (job.folder / ".docker").mkdir()
    (job.folder / ".docker/config.json").write_text(json.dumps({"auths": {registry.host: {"auth": auth}}}))
    assert [job(line) for line in re.findall(r"^(?:\$ )?(wharf gate .*)$", ELSEWHERE, re.MULTILINE)] == [status] * 2


IMAGE = "$(tar -cf image.tar -C $LAYOUT . && podman --cgroup-manager cgroupfs pull --quiet oci-archive:image.tar)"
ALSO = {
    "docker": (
        "docker push registry.example.org/shop/web:1.4",
        f"skopeo copy --preserve-digests --dest-tls-verify=false oci:$LAYOUT:{TAG} docker://registry.example.org/shop/docker-skopeo:v1",
        "crane push $LAYOUT registry.example.org/shop/docker-crane:v1",
    ),
    "podman": (
        f"podman push --tls-verify=false {IMAGE} docker://registry.example.org/shop/podman-podman:v1",
        f"skopeo copy --preserve-digests --dest-tls-verify=false oci:$LAYOUT:{TAG} docker://registry.example.org/shop/podman-skopeo:v1",
        "crane push $LAYOUT registry.example.org/shop/podman-crane:v1",
    ),
}


@pytest.mark.parametrize("program", ALSO)
def test_what_a_login_hands_on_is_good_for_whatever_reads_it(house: House, tmp_path: Path, program: str) -> None:
    layout = single_image()
    now = time.time()
    token = house.token(github(house.issuer.url, now, exp=int(now) + 3600))
    job = house.job(tmp_path / program, WHARF_ID_TOKEN=token, LAYOUT=str(layout.folder))
    if program == "docker":
        job.holds(GOOD)
        assert job("docker build --quiet --tag registry.example.org/shop/web:1.4 .") == 0
    pushes = ALSO[program]
    assert all(job(line) != 0 for line in pushes), "without a login"
    assert job(f"wharf login https://registry.example.org --workload --also {program}") == 0
    assert [job(line) for line in pushes] == [0] * len(pushes)
    for client in ("skopeo", "crane"):
        assert in_registry(house.registry, f"shop/{program}-{client}") == in_layout(layout)
