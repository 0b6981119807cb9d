"""The page on settings is made from the settings."""

from pathlib import Path

from wharfinger.config import Secret, load
from wharfinger.config.reference import reference, rows
from wharfinger.config.settings import DESCRIPTIONS

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "settings.md"


def test_the_page_is_current() -> None:
    assert PAGE.read_text() == reference(), "python -m wharfinger.config.reference > docs/guides/settings.md"


def test_every_setting_has_its_heading_and_says_what_it_does() -> None:
    page = reference()
    for each in DESCRIPTIONS.values():
        assert f"\n## {each.name}\n\n{each.does}\n" in page
        assert each.does.endswith(".")


def test_what_is_in_force_is_listed_without_secrets() -> None:
    loaded = load(None, {"WHARF_ADMIN_PASSWORD": "hush"}, {"data": "/srv/wharf"})
    assert loaded.settings.admin_password == Secret("hush")
    listed = {name: (value, origin) for name, value, origin in rows(loaded)}
    assert listed["data"] == ("/srv/wharf", "--data")
    assert listed["admin_password"] == ("***", "WHARF_ADMIN_PASSWORD")
    assert listed["upload_expiry"] == ("1d", "default")
    assert set(listed) == set(DESCRIPTIONS)
