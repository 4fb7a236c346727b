"""Raw bytes as text: nothing is hidden, and nothing in them can steer a terminal."""

from __future__ import annotations

MOST_CHARACTERS = 400


def readable(raw: bytes | None, most: int = MOST_CHARACTERS) -> str:
    r"""The bytes as UTF-8 text, at most so many characters of it.

    What is not UTF-8 or cannot be printed is shown as an escape (``\xff``, ``\x1b``); what is cut off is told.
    """
    if raw is None:
        return "(null)"
    if not raw:
        return "(empty)"
    text = raw[: 4 * most].decode("utf-8", "backslashreplace")[:most]
    shown = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
    return shown if len(raw) <= len(text.encode()) else f"{shown} ... ({len(raw):,} bytes)"
