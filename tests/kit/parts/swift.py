"""OpenStack Swift with its S3 API: a real object store, four processes, one copy of everything."""

import getpass
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path

from tests.kit.parts.process import answers, free_port, listens, program, run
from tests.kit.parts.stores import S3, create_bucket
from tests.kit.parts.tools import installed

# No cache filter: tempauth wants memcached for its own tokens only, S3 requests are signed one by one.
_PROXY = """
[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck listing_formats s3api tempauth slo dlo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
[filter:tempauth]
use = egg:swift#tempauth
user_wharf_tests = secret .admin
[filter:slo]
use = egg:swift#slo
[filter:dlo]
use = egg:swift#dlo
"""
_BACKEND = """
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
_BACKENDS = ("account", "container", "object")

_MAKE_RINGS = """
import sys
from swift.common.ring import RingBuilder
for argument in sys.argv[2:]:
    kind, port = argument.split("=")
    builder = RingBuilder(part_power=4, replicas=1, min_part_hours=0)
    builder.add_dev(dict(region=1, zone=1, ip="127.0.0.1", port=int(port), device="disk", weight=1))
    builder.rebalance()
    builder.get_ring().save(f"{sys.argv[1]}/{kind}.ring.gz")
"""


@contextmanager
def swift(folder: Path) -> Iterator[S3]:
    """A Swift with its rings, settings and objects in folder, and a new bucket in it."""
    home, ports = folder / "swift", {kind: free_port() for kind in (*_BACKENDS, "proxy")}
    (home / "devices" / "disk").mkdir(parents=True)
    (home / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = tests\n")
    rings = [f"{kind}={ports[kind]}" for kind in _BACKENDS]
    run([installed("swift") / "bin" / "python", "-c", _MAKE_RINGS, home, *rings])
    with ExitStack() as servers:
        for kind in _BACKENDS:
            servers.enter_context(_server(home, kind, ports[kind], _BACKEND.format(kind=kind), ready=lambda: True))
        servers.enter_context(_server(home, "proxy", ports["proxy"], _PROXY, ready=lambda: _all_ready(ports)))
        store = S3(f"http://127.0.0.1:{ports['proxy']}", "tests", "wharf:tests", "secret")
        create_bucket(store)
        yield store


def _all_ready(ports: Mapping[str, int]) -> bool:
    return all(listens(ports[kind]) for kind in _BACKENDS) and answers(ports["proxy"], "/healthcheck")


def _server(
    home: Path, kind: str, port: int, pipeline: str, *, ready: Callable[[], bool]
) -> AbstractContextManager[int]:
    settings = home / f"{kind}.conf"
    settings.write_text(
        f"[DEFAULT]\nbind_ip = 127.0.0.1\nbind_port = {port}\nswift_dir = {home}\ndevices = {home}/devices\n"
        f"mount_check = false\nworkers = 0\nuser = {getpass.getuser()}\n{pipeline}"
    )
    binaries = installed("swift") / "bin"
    return program(
        [binaries / "python", binaries / f"swift-{kind}-server", settings, "--verbose"],
        home / "swift.log",
        ready=ready,
        env={"EVENTLET_NO_GREENDNS": "yes"},
    )
