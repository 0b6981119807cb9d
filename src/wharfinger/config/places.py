"""Where things are that the settings may leave to us."""

from pathlib import Path

from wharfinger.config.settings import Settings


def audit_key(settings: Settings) -> Path:
    """Where the key is that signs the audit trail."""
    return settings.audit_key or settings.data.absolute() / "keys" / "audit.pem"


def sealing_key(settings: Settings) -> Path:
    """Where the key is that seals what proves us to others."""
    return settings.sealing_key or settings.data.absolute() / "keys" / "sealing.key"


def advisories(settings: Settings) -> Path:
    """Where the advisories are that images are judged by."""
    return settings.advisories or settings.data.absolute() / "advisories.db"


def database_url(settings: Settings) -> str:
    """Where the facts are: by default a file in the data folder."""
    if settings.database is not None:
        return settings.database.reveal()
    return f"sqlite:///{settings.data.absolute() / 'wharf.db'}"
