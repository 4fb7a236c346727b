"""NMEA 0183 sentences: tag block, checksum, fields, and the instants that some of them tell."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import reduce
from operator import xor

_UNIX_SECONDS = re.compile(r"\d{9,10}")
FIRST_MILLISECOND_STAMP = 100_000_000_000  # a tag block's `c` above this counts milliseconds, below it seconds


class MalformedError(Exception):
    """The line is no sentence; the text is the reason of its rejection."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """One line, taken apart. ``name`` is talker and formatter: ``AIVDM``, ``GPZDA``, ``PGHP``."""

    name: str
    fields: list[str]
    is_encapsulated: bool
    """Begins with ``!``: its payload is armoured."""
    checksum: str
    sent_at_ms: int | None = None
    station: str | None = None
    group: str | None = None
    """Id that the tag block gives to the lines of one message."""


def parse(line: bytes) -> Sentence:
    """Take a line apart.

    Raises:
        MalformedError: It is no sentence (``malformed``) or a checksum does not agree (``bad_checksum``).
    """
    tags: dict[str, str] = {}
    if line[:1] == b"\\":
        block, separator, line = line[1:].partition(b"\\")
        if not separator:
            raise MalformedError("malformed")
        tags = dict(tag.split(":", 1) for tag in _checked(block)[0].split(",") if ":" in tag)
    if line[:1] not in (b"!", b"$"):
        raise MalformedError("malformed")
    text, checksum, added = _checked(line[1:])
    name, *fields = text.split(",")
    group = tags.get("g", "").split("-")
    return Sentence(
        name,
        fields,
        line[:1] == b"!",
        checksum,
        _stamp_ms(tags.get("c") or next((mark for mark in added if _UNIX_SECONDS.fullmatch(mark)), None)),
        tags.get("s") or next((mark for mark in added if mark[:1] in ("r", "b")), None),
        group[2] if len(group) == 3 and group[1] != "1" else None,
    )


def _checked(content: bytes) -> tuple[str, str, list[str]]:
    """Text, checksum, and what receivers of the US Coast Guard's kind add behind: station and UNIX time."""
    body, star, end = content.rpartition(b"*")
    if not star or not content.isascii():
        raise MalformedError("malformed")
    checksum, *added = end.strip().decode().split(",")
    try:
        agrees = reduce(xor, body, 0) == int(checksum, 16)
    except ValueError as error:
        raise MalformedError("malformed") from error
    if not agrees:
        raise MalformedError("bad_checksum")
    return body.decode(), checksum.upper(), added


def _stamp_ms(text: str | None) -> int | None:
    if not text:
        return None
    try:
        stamp = float(text)
    except ValueError as error:
        raise MalformedError("malformed") from error
    return int(stamp) if stamp >= FIRST_MILLISECOND_STAMP else round(stamp * 1000)


def told_instant_ms(sentence: Sentence) -> int | None:
    """The instant that a ``PGHP``, ``ZDA`` or valid ``RMC`` sentence tells; null for others and unreadable
    ones.
    """
    f = sentence.fields
    try:
        if sentence.name == "PGHP":
            year, month, day, hour, minute, second, milli = map(int, f[1:8])
            return _epoch_ms(datetime(year, month, day, hour, minute, second, milli * 1000, tzinfo=UTC))
        if sentence.name.endswith("ZDA"):
            return _epoch_ms(_day(f[3], f[2], f[1]) + _time_of_day(f[0]))
        if sentence.name.endswith("RMC") and f[1] == "A":
            return _epoch_ms(_day(f[8][4:6], f[8][2:4], f[8][0:2]) + _time_of_day(f[0]))
    except (ValueError, IndexError):
        return None
    return None


def _day(year: str, month: str, day: str) -> datetime:
    full_year = int(year) + (2000 if len(year) == 2 else 0)
    return datetime(full_year, int(month), int(day), tzinfo=UTC)


def _time_of_day(text: str) -> timedelta:
    return timedelta(hours=int(text[0:2]), minutes=int(text[2:4]), seconds=float(text[4:]))


def _epoch_ms(instant: datetime) -> int:
    return round(instant.timestamp() * 1000)
