"""nginx as the TLS proxy in front of a registry, set up as our guide tells an operator to."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.kit.parts.process import free_port, listens, program
from tests.kit.parts.tools import tool


@dataclass(frozen=True)
class Proxy:
    """An HTTPS address, and the certificate of the authority that vouches for it."""

    host: str
    authority: Path

    @property
    def url(self) -> str:
        """The address with its scheme."""
        return f"https://{self.host}"


@contextmanager
def nginx(folder: Path, upstream_port: int) -> Iterator[Proxy]:
    """An nginx that passes everything on to the loopback port, streaming in both directions."""
    home, port = folder / "nginx", free_port()
    home.mkdir()
    proxy = Proxy(f"127.0.0.1:{port}", home / "authority.pem")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(proxy.authority)
    authority.issue_cert("127.0.0.1", "localhost").private_key_and_cert_chain_pem.write_to_path(home / "server.pem")
    (home / "nginx.conf").write_text(_settings(home, port, upstream_port))
    with program(
        [tool("nginx"), "-c", home / "nginx.conf", "-e", home / "error.log"],
        home / "error.log",
        ready=lambda: listens(port),
    ):
        yield proxy


def _settings(home: Path, port: int, upstream_port: int) -> str:
    temporary = "\n".join(
        f"    {kind}_temp_path {home}/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    return f"""
daemon off;
worker_processes 1;
pid {home}/pid;
{"user root;" if os.geteuid() == 0 else ""}
events {{}}
http {{
    access_log off;
{temporary}
    server {{
        listen 127.0.0.1:{port} ssl;
        ssl_certificate {home}/server.pem;
        ssl_certificate_key {home}/server.pem;
        client_max_body_size 0;
        location / {{
            proxy_pass http://127.0.0.1:{upstream_port};
            proxy_http_version 1.1;
            proxy_request_buffering off;
            proxy_buffering off;
            proxy_read_timeout 900;
            proxy_send_timeout 900;
            proxy_set_header Host $http_host;
            proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
            proxy_set_header X-Forwarded-Proto $scheme;
            proxy_set_header X-Forwarded-Host $http_host;
        }}
    }}
}}
"""
