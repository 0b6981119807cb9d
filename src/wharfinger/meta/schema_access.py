"""The tables of access: accounts and what proves them, grants, trust, log-ins, and the audit trail.

Lists are JSON in a text column: they are read whole, into every process's snapshot, and never searched.
"""

from sqlalchemy import BigInteger, Boolean, CheckConstraint, Column, Double, ForeignKey, Index, Integer, Table, Text

from wharfinger.meta.schema import BYTEWISE, KEY, metadata

# People and service accounts, under one set of names. `password` is empty where there is none; `owner` is the name of
# the person who answers for a service account.
accounts = Table(
    "accounts",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("name", BYTEWISE, nullable=False, unique=True),
    Column("password", Text, nullable=False),
    Column("disabled", Boolean, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("kind", Text, nullable=False, server_default="person"),
    Column("owner", BYTEWISE),
)

# Who an account is at an OpenID Connect provider or in a directory.
identities = Table(
    "identities",
    metadata,
    Column("issuer", BYTEWISE, primary_key=True),
    Column("subject", BYTEWISE, primary_key=True),
    Column("account_id", KEY, ForeignKey("accounts.id"), nullable=False, index=True),
)

groups = Table(
    "groups",
    metadata,
    Column("name", BYTEWISE, primary_key=True),
    Column("created_at", Double, nullable=False),
)

# `source` is `local`, or the provider that said so at the member's last log-in.
group_members = Table(
    "group_members",
    metadata,
    Column("group", BYTEWISE, ForeignKey("groups.name"), primary_key=True),
    Column("account_id", KEY, ForeignKey("accounts.id"), primary_key=True, index=True),
    Column("source", BYTEWISE, primary_key=True),
)

# Secrets of service accounts (`secret`) and personal access tokens (`token`), which are narrowed to actions and
# patterns. Part of every process's snapshot.
secrets = Table(
    "secrets",
    metadata,
    Column("id", BYTEWISE, primary_key=True),
    Column("account_id", KEY, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("kind", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("hash", BYTEWISE, nullable=False, unique=True),
    Column("actions", Text),
    Column("patterns", Text),
    Column("created_at", Double, nullable=False),
    Column("created_by", Text, nullable=False),
    Column("expires_at", Double),
    Column("used_at", Double),
)

# Short-lived, many, and looked up one by one: `login` (the command line), `page` (a browser), `refresh` (a client of
# the token protocol). `credential` is what it was obtained with: it ends when that ends.
login_tokens = Table(
    "login_tokens",
    metadata,
    Column("hash", BYTEWISE, primary_key=True),
    Column("account_id", KEY, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("generation", BigInteger, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False, index=True),
    Column("kind", Text, nullable=False, server_default="login"),
    Column("credential", Text, nullable=False, server_default="login"),
)

# One row. Whatever changes who may do what adds one to it, and every process sees that it must reload.
access_revision = Table(
    "access_revision",
    metadata,
    Column("id", Integer, CheckConstraint("id = 1", name="single"), primary_key=True),
    Column("revision", BigInteger, nullable=False),
)

# Roles beside those that are always there.
roles = Table(
    "roles",
    metadata,
    Column("name", BYTEWISE, primary_key=True),
    Column("actions", Text, nullable=False),
)

grants = Table(
    "grants",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("principal", BYTEWISE, nullable=False, index=True),
    Column("role", BYTEWISE, nullable=False),
    Column("pattern", BYTEWISE, nullable=False),
    Column("tags", Text, nullable=False),
    Column("networks", Text, nullable=False),
    Column("until", Double),
    Column("deny", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("created_by", Text, nullable=False),
)

# Issuers of workload tokens; `jwks` where their keys were given instead of being fetched, `private` where they may be
# fetched from a private network.
issuers = Table(
    "issuers",
    metadata,
    Column("url", BYTEWISE, primary_key=True),
    Column("audience", Text, nullable=False),
    Column("jwks", Text),
    Column("private", Boolean, nullable=False),
    Column("created_at", Double, nullable=False),
)

# Which of an issuer's workloads may act as which service account.
trusts = Table(
    "trusts",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("issuer", BYTEWISE, ForeignKey("issuers.url"), nullable=False, index=True),
    Column("account_id", KEY, ForeignKey("accounts.id"), nullable=False, index=True),
    Column("claims", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("created_by", Text, nullable=False),
)

# What access tokens are signed with, by every node: so in the database, as PEM.
signing_keys = Table(
    "signing_keys",
    metadata,
    Column("id", BYTEWISE, primary_key=True),
    Column("private", Text, nullable=False),
    Column("created_at", Double, nullable=False),
    Column("expires_at", Double, nullable=False),
)

# Failed log-ins by account and address, and by address, in windows of a minute.
login_failures = Table(
    "login_failures",
    metadata,
    Column("key", BYTEWISE, primary_key=True),
    Column("window", BigInteger, primary_key=True),
    Column("count", BigInteger, nullable=False),
    Index(None, "window"),
)

# From where an account has logged in before.
login_addresses = Table(
    "login_addresses",
    metadata,
    Column("account", BYTEWISE, primary_key=True),
    Column("address", BYTEWISE, primary_key=True),
    Column("seen_at", Double, nullable=False),
)

# Device logins (RFC 8628) that wait for somebody's approval, or for the device to ask again.
device_logins = Table(
    "device_logins",
    metadata,
    Column("hash", BYTEWISE, primary_key=True),
    Column("user_code", BYTEWISE, nullable=False, unique=True),
    Column("client", Text, nullable=False),
    Column("account_id", KEY, ForeignKey("accounts.id"), index=True),
    Column("state", Text, CheckConstraint("state IN ('waiting', 'approved', 'denied')", name="state"), nullable=False),
    Column("polled_at", Double),
    Column("expires_at", Double, nullable=False, index=True),
)

# Who did what. `number` and `hash` are given by the sealer, in its order, some time after the record was made.
audit_records = Table(
    "audit_records",
    metadata,
    Column("id", KEY, primary_key=True, autoincrement=True),
    Column("number", BigInteger, unique=True),
    Column("hash", BYTEWISE),
    Column("at", Double, nullable=False),
    Column("last_at", Double, nullable=False),
    Column("count", BigInteger, nullable=False),
    Column("action", BYTEWISE, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("account", BYTEWISE, nullable=False),
    Column("repository", BYTEWISE),
    Column("tag", BYTEWISE),
    Column("digest", BYTEWISE),
    Column("address", Text, nullable=False),
    Column("client", Text, nullable=False),
    Column("rule", Text, nullable=False),
    Column("request", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Index(None, "at", "id"),
    Index(None, "account", "id"),
    Index(None, "repository", "id"),
    Index(None, "digest", "id"),
)

# Signed heads of the chain (`head`), and where it begins after old records were removed (`start`).
audit_checkpoints = Table(
    "audit_checkpoints",
    metadata,
    Column("number", BigInteger, primary_key=True),
    Column("kind", Text, primary_key=True),
    Column("hash", BYTEWISE, nullable=False),
    Column("signed_at", Double, nullable=False),
    Column("key", Text, nullable=False),
    Column("signature", Text, nullable=False),
)

# Work that one process at a time does: who, and until when.
leases = Table(
    "leases",
    metadata,
    Column("name", BYTEWISE, primary_key=True),
    Column("holder", Text, nullable=False),
    Column("until", Double, nullable=False),
)
