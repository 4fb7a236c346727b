"""What a feed is: a function from blocks of lines to batches of events, and what it needs to know of its
run.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from contracts.events import (
    HEADER_EVENT_TYPE,
    HEADER_SCHEMA_VERSION,
    HEADER_SOURCE,
    SCHEMA_VERSION,
    Event,
    event_id,
)
from contracts.topics import Topic
from producers.lines import Block

Headers = list[tuple[str, bytes]]
ABOUT_STATION = "station"
ABOUT_MMSI = "mmsi"
ABOUT_ASSUMED_START_MS = "assumed-start-ms"
ABOUT_COLUMNS = "columns"


@dataclass(frozen=True, slots=True)
class Rejection:
    """A record that could not be taken.

    ``line_number`` is where its (first) line stands; ``at_line`` the line at which that became known, which
    differs for a fragment whose message never became complete. ``about`` is what else its reader must know.
    """

    line_number: int
    raw: bytes
    reason: str
    at_line: int
    about: Headers = field(default_factory=list, compare=False)


@dataclass(slots=True)
class Batch:
    """Events of some lines, column by column and in line order, with what was refused and what was no
    record.
    """

    values: list[str] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    headers: list[Headers] = field(default_factory=list)
    times_ms: list[int] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    rejections: list[Rejection] = field(default_factory=list)
    ignored: Counter[str] = field(default_factory=Counter)
    last_line: int = 0
    about: Headers = field(default_factory=list)
    """What a reader must know beside the line itself: goes with each rejection."""

    def __len__(self) -> int:
        """Records read: accepted and rejected ones."""
        return len(self.values) + len(self.rejections)

    def accept(self, event: Event, line_number: int) -> None:
        """Add an event at the end."""
        self.values.append(event.model_dump_json(exclude_none=True))
        self.keys.append(event.key)
        self.headers.append(event_headers(event.source, event.event_type, event.schema_version))
        self.times_ms.append(event.observed_at_ms)
        self.lines.append(line_number)

    def reject(self, line_number: int, raw: bytes, reason: str, at_line: int | None = None) -> None:
        """Add a record that goes to the dead letter topic."""
        at_line = line_number if at_line is None else at_line
        self.rejections.append(Rejection(line_number, raw, reason, at_line, self.about))

    def head(self, count: int) -> Batch:
        """The first ``count`` records, in line order."""
        order = sorted(
            [(line, 0, i) for i, line in enumerate(self.lines)]
            + [(refused.at_line, 1, i) for i, refused in enumerate(self.rejections)]
        )
        events = sum(1 for _, kind, _ in order[:count] if kind == 0)
        cut = Batch(last_line=order[count][0] - 1 if count < len(order) else self.last_line, ignored=self.ignored)
        for name in ("values", "keys", "headers", "times_ms", "lines"):
            setattr(cut, name, getattr(self, name)[:events])
        cut.rejections = sorted(self.rejections, key=lambda refused: refused.at_line)[: min(count, len(order)) - events]
        return cut


class Shift:
    """How event times are moved: not at all, or all by the same time so that the first event is now."""

    def __init__(self, now_ms: Callable[[], int] | None = None) -> None:
        self._now_ms = now_ms
        self._offset_ms: int | None = 0 if now_ms is None else None

    def offset_ms(self, first_ms: int) -> int:
        """What to add to an event time; the first call settles it."""
        if self._offset_ms is None and self._now_ms is not None:
            self._offset_ms = self._now_ms() - first_ms
        return self._offset_ms or 0


@dataclass(frozen=True, slots=True)
class Context:
    """What a feed needs to know of its run."""

    topic: Topic
    source: str
    name: str = ""
    start_line: int = 0
    """Lines up to this one were delivered earlier: their records are not given again."""
    shift: Shift = field(default_factory=Shift)
    assume_start_ms: int | None = None
    mmsi: int | None = None
    station: str | None = None

    @property
    def about(self) -> Headers:
        """What was set of this, as headers of a dead letter, so that it can be read again by itself."""
        known = {ABOUT_STATION: self.station, ABOUT_MMSI: self.mmsi, ABOUT_ASSUMED_START_MS: self.assume_start_ms}
        return [(name, str(value).encode()) for name, value in known.items() if value is not None]


Read = Callable[[Iterator[Block], Context], Iterator[Batch]]


@dataclass(frozen=True, slots=True)
class Feed:
    """A format that can be published: its reader, and the topics that its events belong to."""

    read: Read
    topics: tuple[Topic, ...]
    source: str
    about: str
    files: Mapping[Topic, str] = field(default_factory=dict)
    """For a format that is a folder: the file of each topic in it."""


@lru_cache(maxsize=1024)
def event_headers(source: str, event_type: str, schema_version: int = SCHEMA_VERSION) -> Headers:
    """The Kafka headers of an event."""
    return [
        (HEADER_SOURCE, source.encode()),
        (HEADER_EVENT_TYPE, event_type.encode()),
        (HEADER_SCHEMA_VERSION, str(schema_version).encode()),
    ]


def make_event(
    model: type[Event],
    event_type: str,
    context: Context,
    observed_at_ms: int,
    payload: bytes,
    fields: dict[str, Any],
) -> Event:
    """Build and validate an event; its id follows from the (shifted) time and the payload.

    Raises:
        ValidationError: A field breaks the contract.
    """
    at_ms = observed_at_ms + context.shift.offset_ms(observed_at_ms)
    mmsi, station = fields.get("mmsi"), fields.get("station")
    key = mmsi if mmsi is not None else station or context.source
    return model.model_validate(
        {
            **fields,
            "event_id": event_id(event_type, key, at_ms, payload),
            "event_type": event_type,
            "source": context.source,
            "observed_at_ms": at_ms,
        }
    )
