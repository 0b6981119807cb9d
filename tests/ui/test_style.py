"""What the style sheet promises to people who see little, read in the dark, or on a telephone."""

import re

import pytest

from wharfinger.ui.templates import STYLE

TEXT = STYLE.decode()
LIGHT, DARK = (
    dict(re.findall(r"--([a-z-]+): (#[0-9a-f]+)", part)) for part in TEXT.split("@media (prefers-color-scheme: dark)")
)
PAIRS = [("ink", "ground"), ("ink", "paper"), ("faint", "paper"), ("faint", "ground"), ("accent", "paper")]
PAIRS += [("accent", "ground"), ("on-accent", "accent")]


def luminance(color: str) -> float:
    """Relative luminance (WCAG 2.2)."""
    digits = color[1:] if len(color) == 7 else "".join(2 * digit for digit in color[1:])
    linear = []
    for start in (0, 2, 4):
        part = int(digits[start : start + 2], 16) / 255
        linear.append(part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4)
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("colors", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("text", "ground"), PAIRS)
def test_text_can_be_read(colors: dict[str, str], text: str, ground: str) -> None:
    light, dark = sorted((luminance(colors[text]), luminance(colors[ground])), reverse=True)
    assert (light + 0.05) / (dark + 0.05) >= 4.5


def test_both_schemes_have_every_color() -> None:
    assert LIGHT.keys() == DARK.keys()
    assert set(re.findall(r"var\(--([a-z-]+)\)", TEXT)) <= LIGHT.keys()
    assert "color-scheme: light dark" in TEXT


def test_nothing_has_a_fixed_width_that_a_small_screen_lacks() -> None:
    assert re.findall(r"(?<!max-)(?<!min-)width: (?!100%)", TEXT) == []
    assert re.findall(r"\d+px", TEXT.replace("1px", "").replace("2px", "").replace("3px", "")) == []


def test_nothing_is_loaded_from_anywhere() -> None:
    assert "url(" not in TEXT
    assert "@import" not in TEXT
    assert ":focus-visible" in TEXT
