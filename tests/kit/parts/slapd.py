"""OpenLDAP's server, with some people and groups in it: without TLS, with StartTLS, and with TLS from the start."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.kit.parts.process import free_port, listens, program, run
from tests.kit.parts.tools import tool

BASE = "dc=example,dc=org"
SERVICE, SERVICE_PASSWORD = f"cn=wharf,{BASE}", "only looks people up"
PASSWORD = "correct horse battery"


@dataclass(frozen=True)
class Directory:
    """Where it listens, and who vouches for its certificate."""

    plain: str
    tls: str
    authority: Path


@contextmanager
def slapd(folder: Path) -> Iterator[Directory]:
    """One that runs meanwhile. Whoever is not bound reads nothing; only the service may search."""
    home, plain, tls = folder / "slapd", free_port(), free_port()
    (home / "data").mkdir(parents=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(home / "authority.pem")
    certificate = authority.issue_cert("localhost")
    certificate.private_key_pem.write_to_path(home / "key.pem")
    certificate.cert_chain_pems[0].write_to_path(home / "cert.pem")
    (home / "slapd.conf").write_text(_settings(home))
    (home / "people.ldif").write_text(_people())
    run([tool("slapadd"), "-f", home / "slapd.conf", "-l", home / "people.ldif"])
    urls = f"ldap://127.0.0.1:{plain} ldaps://127.0.0.1:{tls}"
    with program(
        [tool("slapd"), "-f", home / "slapd.conf", "-h", urls, "-d", "0"],
        home / "slapd.log",
        ready=lambda: listens(plain) and listens(tls),
    ):
        yield Directory(f"127.0.0.1:{plain}", f"localhost:{tls}", home / "authority.pem")


def _settings(home: Path) -> str:
    return f"""
include /etc/ldap/schema/core.schema
include /etc/ldap/schema/cosine.schema
include /etc/ldap/schema/inetorgperson.schema
modulepath /usr/lib/ldap
moduleload back_mdb
pidfile {home}/pid
TLSCACertificateFile {home}/authority.pem
TLSCertificateFile {home}/cert.pem
TLSCertificateKeyFile {home}/key.pem
database mdb
maxsize 10485760
suffix "{BASE}"
directory {home}/data
access to attrs=userPassword by anonymous auth by * none
access to dn.subtree="{BASE}" by dn.exact="{SERVICE}" read by self read by anonymous auth by * none
"""


def _people() -> str:
    entries = [
        f"dn: {BASE}\nobjectClass: dcObject\nobjectClass: organization\ndc: example\no: example",
        f"dn: ou=people,{BASE}\nobjectClass: organizationalUnit\nou: people",
        f"dn: ou=groups,{BASE}\nobjectClass: organizationalUnit\nou: groups",
        _service(),
        *(_person(name) for name in ("anna", "bert", "admin", "o(tto)*")),
        _group("shop-devs", "anna", "bert"),
        _group("ops", "anna"),
        _group("b\u00e4d", "anna"),
    ]
    return "\n\n".join(entries) + "\n"


def _service() -> str:
    kinds = "objectClass: organizationalRole\nobjectClass: simpleSecurityObject"
    return f"dn: {SERVICE}\n{kinds}\ncn: wharf\nuserPassword: {SERVICE_PASSWORD}"


def _person(name: str) -> str:
    named = f"uid: {name}\ncn: {name}\nsn: {name}\nmail: team@example.org"
    return f"dn: {_dn(name)}\nobjectClass: inetOrgPerson\n{named}\nuserPassword: {PASSWORD}"


def _group(name: str, *members: str) -> str:
    listed = "\n".join(f"member: {_dn(member)}" for member in members)
    return f"dn: cn={name},ou=groups,{BASE}\nobjectClass: groupOfNames\ncn: {name}\n{listed}"


def _dn(name: str) -> str:
    return f"uid={name},ou=people,{BASE}"
