"""The Warning header (spec.md, "Warnings"; RFC 7234, section 5.5)."""

LENGTH_AT_MOST = 1000


def warning(text: str) -> bytes:
    """A value of the header that says this, on one line of ASCII, whatever is in the text."""
    plain = text.encode("ascii", "replace").decode("ascii")[:LENGTH_AT_MOST]
    kept = "".join(letter if letter.isprintable() else "?" for letter in plain)
    return '299 - "{}"'.format(kept.replace("\\", "\\\\").replace('"', '\\"')).encode("ascii")
