"""Every setting there is: its type, its default, how it is read, and one line of what it does."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_type_hints

from wharfinger.config import people, values
from wharfinger.config.values import Address, Kind, Network, Secret

LOCAL = Address("127.0.0.1", 5000)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What the operator decides. Made by :func:`wharfinger.config.load`; nothing else reads the environment."""

    # --- where it is, and who may reach it
    data: Annotated[Path, values.FOLDER, "The folder that holds the database, the blobs and the keys."] = Path("data")
    listen: Annotated[Address, values.ADDRESS, "The address and port to serve on."] = LOCAL
    workers: Annotated[int, values.whole(1, 64), "How many processes serve requests; about one for each core."] = 1
    tls_cert: Annotated[
        Path | None, values.READABLE_FILE, "The certificate and its chain (PEM); with tls_key, HTTPS is served."
    ] = None
    tls_key: Annotated[Path | None, values.READABLE_FILE, "The certificate's private key (PEM)."] = None
    public_url: Annotated[
        str | None, values.HTTP_URL, "The URL clients use, where it is not the one they connect to: behind a proxy."
    ] = None
    trusted_proxies: Annotated[
        tuple[Network, ...],
        values.NETWORKS,
        "Proxies whose X-Forwarded-For and X-Forwarded-Proto are believed; nobody else's are.",
    ] = ()

    # --- what it keeps things in
    database: Annotated[
        Secret | None, values.DATABASE, "The database; an SQLite file in the data folder where this is not given."
    ] = None
    storage: Annotated[
        str | None, values.STORAGE, "Where blobs are stored; files in the data folder where this is not given."
    ] = None
    storage_endpoint: Annotated[
        str | None, values.TEXT, "The object store's URL, where it is not the cloud provider's own."
    ] = None
    storage_region: Annotated[str | None, values.TEXT, "The object store's region."] = None
    storage_access_key: Annotated[
        str | None, values.TEXT, "The object store's access key, or the account's name on Azure."
    ] = None
    storage_secret_key: Annotated[
        Secret | None, values.SECRET, "The secret key that belongs to storage_access_key."
    ] = None
    storage_redirect: Annotated[
        bool, values.FLAG, "Send clients to the object store for blobs instead of passing the bytes on."
    ] = False
    keep_free: Annotated[
        int, values.SIZE, "Disk space that is never used; pushes are refused with 507 before it is."
    ] = 256 << 20

    # --- what it accepts, and for how long
    sparse_manifests: Annotated[
        Literal["refuse", "indexes", "allow"],
        values.choice("refuse", "indexes", "allow"),
        "Whether manifests may refer to content that is not there: never, only indexes may, or all may.",
    ] = "refuse"
    max_blob_size: Annotated[int, values.SIZE, "The largest blob that is accepted; 0 is no limit."] = 0
    body_timeout: Annotated[
        timedelta, values.DURATION, "A request whose body stalls for longer than this is ended."
    ] = timedelta(seconds=60)
    upload_expiry: Annotated[
        timedelta, values.DURATION, "An upload that nobody continues is removed after this time."
    ] = timedelta(hours=24)
    collect_grace: Annotated[
        timedelta, values.DURATION, "How long a blob stays that nothing needs, so that a push of what does can finish."
    ] = timedelta(hours=24)
    collect_every: Annotated[
        timedelta, values.DURATION, "How often is looked for blobs whose grace is over, to give their bytes back."
    ] = timedelta(minutes=5)
    trash_keep: Annotated[
        timedelta,
        values.DURATION,
        "How long a manifest that was deleted can be restored, where no lifecycle policy says otherwise.",
    ] = timedelta(days=7)
    lifecycle_ignore_pulls_by: Annotated[
        tuple[str, ...],
        people.GROUPS,
        "Accounts and groups whose pulls do not keep an image: scanners, mirrors, backups.",
    ] = ()
    scan_on_push: Annotated[
        bool, values.FLAG, "Catalogue and judge every image that is pushed, in a process beside those that serve."
    ] = True
    advisories: Annotated[
        Path | None, values.FOLDER, "The database of advisories that images are judged by; else advisories.db in data."
    ] = None
    exception_longest: Annotated[
        timedelta, values.DURATION, "How long an exception from what scanning finds may last at most."
    ] = timedelta(days=180)
    shutdown_grace: Annotated[
        timedelta, values.DURATION, "How long transfers under way may take to finish when it is stopped."
    ] = timedelta(seconds=30)

    # --- who people are
    oidc_issuer: Annotated[
        str | None, people.ISSUER, "The OpenID Connect provider that people log in with, exactly as it calls itself."
    ] = None
    oidc_client_id: Annotated[str | None, values.TEXT, "What the provider calls this registry."] = None
    oidc_client_secret: Annotated[
        Secret | None, values.SECRET, "What this registry proves that with; not needed for a public client."
    ] = None
    oidc_scopes: Annotated[str, people.SCOPES, "What the provider is asked to tell of a person."] = (
        "openid profile email"
    )
    oidc_username_claim: Annotated[
        str, values.TEXT, "The claim that names a new person's account; of an e-mail address what is before the @."
    ] = "preferred_username"
    oidc_groups_claim: Annotated[str, values.TEXT, "The claim that lists a person's groups."] = "groups"
    oidc_groups: Annotated[
        tuple[str, ...],
        people.GROUPS,
        "Which of these count here: a name, PREFIX*, or THEIRS=OURS. All, where this is not given.",
    ] = ()
    oidc_create: Annotated[
        bool, values.FLAG, "Whether whoever the provider knows gets an account, to which nothing is granted yet."
    ] = True
    ldap_url: Annotated[
        str | None, people.DIRECTORY, "The directory that knows people's passwords; StartTLS is used with ldap://."
    ] = None
    ldap_ca: Annotated[
        Path | None, values.READABLE_FILE, "The authority (PEM) that vouches for the directory, if it is your own."
    ] = None
    ldap_bind_dn: Annotated[
        str | None, values.TEXT, "As whom people are looked up in the directory; anonymously where not given."
    ] = None
    ldap_bind_password: Annotated[Secret | None, values.SECRET, "The password that belongs to ldap_bind_dn."] = None
    ldap_base: Annotated[str | None, values.TEXT, "Below which entry people are."] = None
    ldap_filter: Annotated[str, people.PERSON_FILTER, "How a person is found by the name that was typed."] = (
        "(uid={name})"
    )
    ldap_groups_base: Annotated[
        str | None, values.TEXT, "Below which entry groups are; none are looked up where this is not given."
    ] = None
    ldap_groups_filter: Annotated[str, people.GROUP_FILTER, "How the groups of a person are found."] = "(member={dn})"
    ldap_groups_attribute: Annotated[str, values.TEXT, "Where a group has its name."] = "cn"
    ldap_groups: Annotated[
        tuple[str, ...],
        people.GROUPS,
        "Which of these count here: a name, PREFIX*, or THEIRS=OURS. All, where this is not given.",
    ] = ()

    # --- what it tells
    log_level: Annotated[
        Literal["debug", "info", "warning", "error"],
        values.choice("debug", "info", "warning", "error"),
        "The least important messages to log.",
    ] = "info"
    log_format: Annotated[
        Literal["json", "console"],
        values.choice("json", "console"),
        "One JSON object for each line, or lines for people.",
    ] = "json"
    access_log: Annotated[bool, values.FLAG, "Log every request."] = True

    # --- the audit trail
    audit_keep: Annotated[timedelta, values.DURATION, "How long records of the audit trail are kept."] = timedelta(
        days=730
    )
    audit_keep_pulls: Annotated[
        timedelta,
        values.DURATION,
        "How long the audit trail says who pulled what and was given an access token; at most as long as audit_keep.",
    ] = timedelta(days=90)
    audit_key: Annotated[
        Path | None,
        values.FOLDER,
        "The key that signs the audit trail, made where there is none; keys/audit.pem in the data folder by default.",
    ] = None
    sealing_key: Annotated[
        Path | None,
        values.FOLDER,
        "The key that seals credentials for others, made when needed; keys/sealing.key in the data folder by default.",
    ] = None
    audit_syslog: Annotated[
        str | None, values.SYSLOG, "Where every record of the audit trail is sent as a syslog message (RFC 5424)."
    ] = None
    audit_syslog_ca: Annotated[
        Path | None, values.READABLE_FILE, "The authority (PEM) that vouches for the syslog server, if it is your own."
    ] = None
    audit_webhook: Annotated[
        str | None, values.WEBHOOK, "The URL to which the records of the audit trail are posted, as JSON."
    ] = None
    audit_webhook_secret: Annotated[
        Secret | None, values.SECRET, "What the posts to audit_webhook are signed with (HMAC-SHA256)."
    ] = None

    # --- the first start
    admin_password: Annotated[
        Secret | None,
        values.SECRET,
        "The administrator's password, read at the very first start; made up if not given.",
    ] = None


@dataclass(frozen=True)
class Description:
    """What there is to know of one setting beside its value."""

    name: str
    kind: Kind
    default: Any
    does: str

    @property
    def variable(self) -> str:
        return f"WHARF_{self.name.upper()}"

    def shown(self, value: Any) -> str:
        """The value in the form in which it is written, its secrets hidden; empty where there is none."""
        return "" if value is None or value == () else self.kind.show(value)


def _descriptions() -> Iterator[Description]:
    hints = get_type_hints(Settings, include_extras=True)
    for each in fields(Settings):
        _, kind, does = get_args(hints[each.name])
        yield Description(each.name, kind, each.default, does)


DESCRIPTIONS: Mapping[str, Description] = {each.name: each for each in _descriptions()}
