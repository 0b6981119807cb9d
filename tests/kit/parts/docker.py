"""A Docker engine of its own, with the containerd that it starts."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.kit.parts.process import listens_at, program
from tests.kit.parts.tools import tool, unavailable


@dataclass(frozen=True)
class Docker:
    """The sockets of a running engine."""

    socket: Path
    containerd: Path

    @property
    def host(self) -> str:
        """What the docker command wants in DOCKER_HOST."""
        return f"unix://{self.socket}"


@contextmanager
def docker(folder: Path) -> Iterator[Docker]:
    """A dockerd with its images in folder, no network, and plain HTTP to loopback registries only."""
    if os.geteuid() != 0:
        unavailable("dockerd", "it must be started by root")
    # The sockets have a folder of their own: their paths must be short (108 bytes), and pytest's are not.
    with tempfile.TemporaryDirectory(prefix="wharf-docker-", ignore_cleanup_errors=True) as sockets:
        engine = Docker(Path(sockets, "docker.sock"), Path(sockets, "run", "containerd", "containerd.sock"))
        settings = Path(sockets, "daemon.json")  # not the machine's
        settings.write_text("{}")
        with program(
            [
                tool("dockerd"), "--host", engine.host, "--exec-root", f"{sockets}/run", "--pidfile", f"{sockets}/pid",
                "--data-root", folder / "docker", "--config-file", settings, "--storage-driver=vfs",
                "--iptables=false", "--ip6tables=false", "--bridge=none",
            ],
            folder / "dockerd.log",
            ready=lambda: listens_at(engine.socket) and listens_at(engine.containerd),
        ):  # fmt: skip
            yield engine
