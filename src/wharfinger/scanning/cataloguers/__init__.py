"""What is looked for in a layer: one module for each kind of package, and one line for each here. All pure."""

from wharfinger.scanning.cataloguers import (
    apk,
    dotnet,
    dpkg,
    go,
    java,
    node,
    os_release,
    php,
    python,
    rpm,
    ruby,
    rust,
    sbom,
)  # fmt: skip
from wharfinger.scanning.cataloguers.interest import Interest
from wharfinger.scanning.cataloguers.kind import Cataloguer

CATALOGUERS: tuple[Cataloguer, ...] = (
    os_release.OS_RELEASE,
    dpkg.STATUS,
    dpkg.STATUS_FOLDER,
    dpkg.LISTS,
    dpkg.SUMS,
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
    go.GO,
    java.JAVA,
    rust.RUST,
    ruby.GEMS,
    php.INSTALLED,
    php.LOCK,
    dotnet.DOTNET,
    sbom.SBOM,
)

INTEREST = Interest(CATALOGUERS)
