"""Access: service accounts, groups, grants, secrets, trust, keys, log-ins, and the audit trail."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

BYTEWISE = sa.Text(collation="C").with_variant(sa.Text(), "sqlite")
KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _accounts()
    _grants()
    _trust()
    _log_ins()
    _audit()


def _accounts() -> None:
    op.add_column("accounts", sa.Column("kind", sa.Text(), nullable=False, server_default="person"))
    op.add_column("accounts", sa.Column("owner", BYTEWISE))
    op.add_column("login_tokens", sa.Column("kind", sa.Text(), nullable=False, server_default="login"))
    op.add_column("login_tokens", sa.Column("credential", sa.Text(), nullable=False, server_default="login"))
    op.create_table(
        "identities",
        sa.Column("issuer", BYTEWISE, nullable=False),
        sa.Column("subject", BYTEWISE, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.PrimaryKeyConstraint("issuer", "subject", name=op.f("pk_identities")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_identities_account_id")),
    )
    op.create_index(op.f("ix_identities_account_id"), "identities", ["account_id"])
    op.create_table(
        "groups",
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_groups")),
    )
    op.create_table(
        "group_members",
        sa.Column("group", BYTEWISE, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("source", BYTEWISE, nullable=False),
        sa.PrimaryKeyConstraint("group", "account_id", "source", name=op.f("pk_group_members")),
        sa.ForeignKeyConstraint(["group"], ["groups.name"], name=op.f("fk_group_members_group")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_group_members_account_id")),
    )
    op.create_index(op.f("ix_group_members_account_id"), "group_members", ["account_id"])
    op.create_table(
        "secrets",
        sa.Column("id", BYTEWISE, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("hash", BYTEWISE, nullable=False),
        sa.Column("actions", sa.Text()),
        sa.Column("patterns", sa.Text()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.Double()),
        sa.Column("used_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_secrets")),
        sa.UniqueConstraint("hash", name=op.f("uq_secrets_hash")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_secrets_account_id")),
    )
    op.create_index(op.f("ix_secrets_account_id"), "secrets", ["account_id"])


def _grants() -> None:
    op.create_table(
        "roles",
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("actions", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_roles")),
    )
    op.create_table(
        "grants",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("principal", BYTEWISE, nullable=False),
        sa.Column("role", BYTEWISE, nullable=False),
        sa.Column("pattern", BYTEWISE, nullable=False),
        sa.Column("tags", sa.Text(), nullable=False),
        sa.Column("networks", sa.Text(), nullable=False),
        sa.Column("until", sa.Double()),
        sa.Column("deny", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_grants")),
    )
    op.create_index(op.f("ix_grants_principal"), "grants", ["principal"])
    # What an account's role was, as a grant on everything.
    op.execute(
        "INSERT INTO grants (principal, role, pattern, tags, networks, deny, created_at, created_by) "
        "SELECT name, role, '**', '[]', '[]', false, created_at, 'migration' FROM accounts"
    )
    op.execute("ALTER TABLE accounts DROP COLUMN role")


def _trust() -> None:
    op.create_table(
        "issuers",
        sa.Column("url", BYTEWISE, nullable=False),
        sa.Column("audience", sa.Text(), nullable=False),
        sa.Column("jwks", sa.Text()),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("url", name=op.f("pk_issuers")),
    )
    op.create_table(
        "trusts",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("issuer", BYTEWISE, nullable=False),
        sa.Column("account_id", KEY, nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_trusts")),
        sa.ForeignKeyConstraint(["issuer"], ["issuers.url"], name=op.f("fk_trusts_issuer")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_trusts_account_id")),
    )
    op.create_index(op.f("ix_trusts_issuer"), "trusts", ["issuer"])
    op.create_index(op.f("ix_trusts_account_id"), "trusts", ["account_id"])
    op.create_table(
        "signing_keys",
        sa.Column("id", BYTEWISE, nullable=False),
        sa.Column("private", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_signing_keys")),
    )


def _log_ins() -> None:
    op.create_table(
        "login_failures",
        sa.Column("key", BYTEWISE, nullable=False),
        sa.Column("window", sa.BigInteger(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("key", "window", name=op.f("pk_login_failures")),
    )
    op.create_index(op.f("ix_login_failures_window"), "login_failures", ["window"])
    op.create_table(
        "login_addresses",
        sa.Column("account", BYTEWISE, nullable=False),
        sa.Column("address", BYTEWISE, nullable=False),
        sa.Column("seen_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("account", "address", name=op.f("pk_login_addresses")),
    )
    op.create_table(
        "device_logins",
        sa.Column("hash", BYTEWISE, nullable=False),
        sa.Column("user_code", BYTEWISE, nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("account_id", KEY),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("polled_at", sa.Double()),
        sa.Column("expires_at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("hash", name=op.f("pk_device_logins")),
        sa.UniqueConstraint("user_code", name=op.f("uq_device_logins_user_code")),
        sa.ForeignKeyConstraint(["account_id"], ["accounts.id"], name=op.f("fk_device_logins_account_id")),
        sa.CheckConstraint("state IN ('waiting', 'approved', 'denied')", name=op.f("ck_device_logins_state")),
    )
    op.create_index(op.f("ix_device_logins_account_id"), "device_logins", ["account_id"])
    op.create_index(op.f("ix_device_logins_expires_at"), "device_logins", ["expires_at"])


def _audit() -> None:
    op.create_table(
        "audit_records",
        sa.Column("id", KEY, autoincrement=True, nullable=False),
        sa.Column("number", sa.BigInteger()),
        sa.Column("hash", BYTEWISE),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("last_at", sa.Double(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.Column("action", BYTEWISE, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("account", BYTEWISE, nullable=False),
        sa.Column("repository", BYTEWISE),
        sa.Column("tag", BYTEWISE),
        sa.Column("digest", BYTEWISE),
        sa.Column("address", sa.Text(), nullable=False),
        sa.Column("client", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("request", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_records")),
        sa.UniqueConstraint("number", name=op.f("uq_audit_records_number")),
    )
    for column in ("at", "account", "repository", "digest"):
        op.create_index(op.f(f"ix_audit_records_{column}_id"), "audit_records", [column, "id"])
    op.create_table(
        "audit_checkpoints",
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("hash", BYTEWISE, nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("signed_at", sa.Double(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("signature", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number", "kind", name=op.f("pk_audit_checkpoints")),
    )
    op.create_table(
        "leases",
        sa.Column("name", BYTEWISE, nullable=False),
        sa.Column("holder", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_leases")),
    )
