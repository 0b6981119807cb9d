"""What is looked for in a layer: one module for each kind of package, and one line for each here. All pure."""

from wharfinger.scanning.cataloguers import apk, dpkg, os_release
from wharfinger.scanning.cataloguers.interest import Interest
from wharfinger.scanning.cataloguers.kind import Cataloguer

CATALOGUERS: tuple[Cataloguer, ...] = (
    os_release.OS_RELEASE,
    dpkg.STATUS,
    dpkg.STATUS_FOLDER,
    dpkg.LISTS,
    dpkg.SUMS,
    apk.INSTALLED,
)

INTEREST = Interest(CATALOGUERS)
