"""Judging: every package version once, and what advisories say of it, for whatever images it is in.

How it hangs together: ``docs/internals/scanning.md``. Beside ``schema_scanning.py``, with its conventions.
"""

from sqlalchemy import Boolean, Column, Double, ForeignKey, Index, Integer, Table, Text, text

from wharfinger.meta.schema import BYTEWISE, metadata

SEVERITIES = ("critical", "high", "medium", "low", "none", "unknown")
FOUND, FIXABLE = tuple(f"found_{each}" for each in SEVERITIES), tuple(f"fixable_{each}" for each in SEVERITIES)
TALLIES = (*FOUND, *FIXABLE)
"""How many findings there are of each severity, and of how many of them a version without is known."""

# What has not ended is most of all, and never looked for by this.
_ENDED = text("until IS NOT NULL")

# The sets of advisories that something was judged by. The newest with `matched_at` is the one that new images are
# judged by; one without it is being matched, or was given up. The same advisories on another day may be another set:
# support of a release ends.
advisory_sets = Table(
    "advisory_sets",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("sha256", BYTEWISE, nullable=False),
    Column("sources", Text, nullable=False),
    Column("begun_at", Double, nullable=False),
    Column("matched_at", Double),
)

# What a set says of a distribution's release as such.
advised_releases = Table(
    "advised_releases",
    metadata,
    Column("advisory_set", Integer, ForeignKey("advisory_sets.id"), primary_key=True, autoincrement=False),
    Column("distribution", BYTEWISE, primary_key=True),
    Column("release", BYTEWISE, primary_key=True),
    Column("ecosystem", Text),
    Column("end_of_life", BYTEWISE),
    Column("ended", Boolean, nullable=False),
)

# A version of a package with all that matching goes by, so that it is matched once, whatever images it is in. `key`
# is a hash of it. `known_as` is how advisories spell its name. `detail` is JSON. `covered` is one whose files belong
# to a package of the distribution, which is judged instead. Of two that are alike in one image the second has a key
# of its own.
package_versions = Table(
    "package_versions",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", BYTEWISE, nullable=False, unique=True),
    Column("type", BYTEWISE, nullable=False),
    Column("name", BYTEWISE, nullable=False),
    Column("version", BYTEWISE, nullable=False),
    Column("purl", BYTEWISE, nullable=False),
    Column("known_as", BYTEWISE, nullable=False),
    Column("source_name", BYTEWISE),
    Column("source_version", BYTEWISE),
    Column("distribution", BYTEWISE),
    Column("release", BYTEWISE),
    Column("detail", Text, nullable=False),
    Column("covered", Boolean, nullable=False),
    Index(None, "name", "type"),
    Index(None, "known_as"),
    Index(None, "source_name"),
)

# Which image has which package version.
image_packages = Table(
    "image_packages",
    metadata,
    Column("image", Integer, ForeignKey("scanned_images.id"), primary_key=True, autoincrement=False),
    Column("package", Integer, ForeignKey("package_versions.id"), primary_key=True, autoincrement=False),
    Index(None, "package", "image"),
    sqlite_with_rowid=False,
)

# What can be said of package versions: findings, or a `reason` why nothing can be said. By content: `key` is a hash
# of all of it. It never changes; what is said of a package version changes by being another outcome.
outcomes = Table(
    "outcomes",
    metadata,
    Column("id", Integer, primary_key=True, autoincrement=True),
    Column("key", BYTEWISE, nullable=False, unique=True),
    Column("ecosystem", BYTEWISE, nullable=False),
    Column("reason", Text),
    *(Column(name, Integer, nullable=False) for name in TALLIES),
)

# `body` is JSON: the finding as in `docs/scan.schema.json`, without what only an image can say.
findings = Table(
    "findings",
    metadata,
    Column("outcome", Integer, ForeignKey("outcomes.id"), primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("vulnerability", BYTEWISE, nullable=False),
    Column("severity", BYTEWISE, nullable=False),
    Column("fixed", Text),
    Column("state", BYTEWISE, nullable=False),
    Column("kev", BYTEWISE),
    Column("published", BYTEWISE),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

# Every name of what was found: vulnerabilities, their aliases, and the advisories that say so.
finding_names = Table(
    "finding_names",
    metadata,
    Column("name", BYTEWISE, primary_key=True),
    Column("outcome", Integer, ForeignKey("outcomes.id"), primary_key=True, autoincrement=False),
    Index(None, "outcome"),
    sqlite_with_rowid=False,
)

# What is said of a package version, from the advisory set `since` on, until before another. A verdict goes by its own
# set: what is matched by a newer one shows only once the verdict is rewritten.
judgements = Table(
    "judgements",
    metadata,
    Column("package", Integer, ForeignKey("package_versions.id"), primary_key=True, autoincrement=False),
    Column("outcome", Integer, ForeignKey("outcomes.id"), primary_key=True, autoincrement=False),
    Column("since", Integer, primary_key=True, autoincrement=False),
    Column("until", Integer),
    Index(None, "since"),
    Index("ix_judgements_until", "until", sqlite_where=_ENDED, postgresql_where=_ENDED),
    Index(None, "outcome"),
    sqlite_with_rowid=False,
)

# Since when it is known here that a package version has a vulnerability: when it was first judged so. It stays when
# what is said of the version changes, whether the vulnerability is then rated otherwise, gone, or back again.
first_known = Table(
    "first_known",
    metadata,
    Column("package", Integer, ForeignKey("package_versions.id"), primary_key=True, autoincrement=False),
    Column("vulnerability", BYTEWISE, primary_key=True),
    Column("at", Double, nullable=False),
    sqlite_with_rowid=False,
)
