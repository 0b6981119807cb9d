"""What is looked for in a layer: one module for each kind of package, and one line for each here. All pure."""

from wharfinger.scanning.cataloguers import (
    apk,
    dotnet,
    dpkg,
    java,
    node,
    os_release,
    php,
    programs,
    python,
    rpm,
    ruby,
    sbom,
)  # fmt: skip
from wharfinger.scanning.cataloguers.interest import Interest
from wharfinger.scanning.cataloguers.kind import Cataloguer

CATALOGUERS: tuple[Cataloguer, ...] = (
    os_release.OS_RELEASE,
    dpkg.STATUS,
    dpkg.LISTS,
    dpkg.EACH_STATUS,
    dpkg.EACH_SUMS,
    apk.INSTALLED,
    rpm.SQLITE,
    rpm.NDB,
    rpm.BDB,
    python.INSTALLED,
    python.REQUIREMENTS,
    python.PIPFILE,
    python.TOML_LOCKS,
    node.INSTALLED,
    node.NPM,
    node.YARN,
    node.PNPM,
    java.JAVA,
    programs.PROGRAMS,
    ruby.GEMS,
    ruby.LOCK,
    php.INSTALLED,
    php.LOCK,
    dotnet.DOTNET,
    dotnet.LOCK,
    sbom.SBOM,
)

INTEREST = Interest(CATALOGUERS)
