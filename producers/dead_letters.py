"""A dead letter, and reading it again by the feed that refused it. Pure: no broker is asked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from contracts.events import HEADER_SOURCE
from contracts.topics import Topic
from lakehouse.rereads import LetterId
from producers.feeds import FEEDS
from producers.feeds.base import (
    ABOUT_ASSUMED_START_MS,
    ABOUT_COLUMNS,
    ABOUT_MMSI,
    ABOUT_STATION,
    Batch,
    Context,
    Headers,
)
from producers.lines import Block
from producers.publisher import HEADER_FORMAT, HEADER_LINE_NUMBER, HEADER_REASON, HEADER_SIZE

HEADER_DEAD_LETTER = "dead-letter"
"""Of an event that was read from a dead letter: its topic, partition and offset."""
NEED_COLUMNS = ("noaa", "aisdk", "ndbc")
"""Formats whose first line tells what the columns are."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A refused record. ``size_bytes`` is that of the whole record, of which ``raw`` may be the beginning only."""

    topic: Topic
    partition: int
    offset: int
    published_at: datetime
    raw: bytes
    headers: dict[str, bytes]

    @property
    def id(self) -> LetterId:
        """What names it within its topic, also when that was made anew."""
        return self.partition, self.offset, self.published_at

    @property
    def reason(self) -> str:
        """Rule that refused it: the first verdict."""
        return self._text(HEADER_REASON) or "(no reason)"

    @property
    def format(self) -> str:
        """Format of its feed."""
        return self._text(HEADER_FORMAT) or "(no format)"

    @property
    def source(self) -> str:
        """Name of its feed."""
        return self._text(HEADER_SOURCE) or self.format

    @property
    def line_number(self) -> int | None:
        """Line of the feed that it began at."""
        return self._number(HEADER_LINE_NUMBER)

    @property
    def size_bytes(self) -> int:
        """Bytes of the whole record."""
        return self._number(HEADER_SIZE) or len(self.raw)

    @property
    def place(self) -> str:
        """Where it lies: ``topic:partition:offset``."""
        return f"{self.topic.dead_letter.name}:{self.partition}:{self.offset}"

    def _text(self, name: str) -> str:
        return self.headers.get(name, b"").decode("utf-8", "backslashreplace")

    def _number(self, name: str) -> int | None:
        text = self._text(name)
        return int(text) if text.isdecimal() else None

    def context(self) -> Context:
        """What its feed was told of the run; a format that takes the source from its events is told none."""
        is_own = self.source == self.format and not FEEDS[self.format].source
        return Context(
            self.topic,
            "" if is_own else self.source,
            station=self._text(ABOUT_STATION) or None,
            mmsi=self._number(ABOUT_MMSI),
            assume_start_ms=self._number(ABOUT_ASSUMED_START_MS),
        )


@dataclass(frozen=True, slots=True)
class Reread:
    """What became of a dead letter: the events that it holds, or the reason why still none."""

    letter: DeadLetter
    events: Batch
    reason: str | None


def letter_at(instant_ms: int) -> datetime:
    """Kafka's time stamp of a letter."""
    return datetime.fromtimestamp(instant_ms / 1000, UTC)


def reread(letter: DeadLetter, *, assume_start_ms: int | None = None) -> Reread:
    """Read a dead letter by the reader and the contract of today.

    The events have the ids that the feed would have given them: sent twice, they are known as repeats.

    Args:
        letter: What was refused.
        assume_start_ms: Time of AIS messages that tell none, where the letter itself does not tell it.
    """
    missing = _what_is_missing(letter)
    if missing:
        return Reread(letter, Batch(), missing)
    context = letter.context()
    if context.assume_start_ms is None and assume_start_ms is not None:
        context = replace(context, assume_start_ms=assume_start_ms)
    columns = letter.headers.get(ABOUT_COLUMNS)
    lines = [*([columns] if columns is not None else []), *letter.raw.split(b"\n")]
    events, refused, ignored = Batch(), list[str](), list[str]()
    for batch in FEEDS[letter.format].read(iter([Block(lines, 1)]), context):
        _append(events, batch, letter)
        refused += [rejection.reason for rejection in batch.rejections]
        ignored += batch.ignored
    if events.values:
        return Reread(letter, events, None)
    return Reread(letter, events, refused[0] if refused else f"no_record:{'/'.join(ignored)}")


def together(found: Sequence[Reread]) -> Batch:
    """The events of several dead letters as one batch, in their order."""
    whole = Batch()
    for one in found:
        _extend(whole, one.events)
    whole.lines = list(range(1, len(whole.values) + 1))
    whole.last_line = len(whole.values)
    return whole


def _what_is_missing(letter: DeadLetter) -> str | None:
    if letter.size_bytes > len(letter.raw):
        return "cut"
    if letter.format not in FEEDS or letter.topic not in FEEDS[letter.format].topics:
        return "unknown_format"
    if letter.format in NEED_COLUMNS and ABOUT_COLUMNS not in letter.headers:
        return "no_columns"
    return None


def _append(events: Batch, batch: Batch, letter: DeadLetter) -> None:
    link: Headers = [(HEADER_DEAD_LETTER, letter.place.encode())]
    batch.headers = [[*headers, *link] for headers in batch.headers]
    _extend(events, batch)


def _extend(whole: Batch, batch: Batch) -> None:
    for name in ("values", "keys", "headers", "times_ms", "lines"):
        getattr(whole, name).extend(getattr(batch, name))
