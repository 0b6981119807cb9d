"""The pages' texts: Jinja2, in which whatever is shown is escaped."""

import hashlib
from datetime import UTC, datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

STYLE = files("wharfinger.ui").joinpath("style.css").read_bytes()
STYLE_PATH = "/ui/style.css"

_ENVIRONMENT = Environment(
    loader=PackageLoader("wharfinger.ui", "pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
)
_ENVIRONMENT.globals["style"] = f"{STYLE_PATH}?{hashlib.sha256(STYLE).hexdigest()[:12]}"


def _moment(seconds: float | None) -> str:
    return "never" if seconds is None else f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


_ENVIRONMENT.filters["moment"] = _moment


def render(template: str, **shown: Any) -> str:
    """The page."""
    return _ENVIRONMENT.get_template(template).render(shown)
