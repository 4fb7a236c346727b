"""What is done, kept in SQLite in the home: the effects by event id, and the state of each dispatcher.

An effect is noted after it happened and before its offset is committed. A process that dies between the effect and the
note repeats that one alert, with the same idempotency key: no sender can close this window, only the receiver can.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from consumers.dispatch.breaker import Condition, State
from contracts.errors import UnavailableError
from contracts.settings import Settings
from contracts.topics import ALERTS

SCHEMA = """
CREATE TABLE IF NOT EXISTS done (
    sink TEXT NOT NULL, event_id TEXT NOT NULL, done_at TEXT NOT NULL, PRIMARY KEY (sink, event_id)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS members (
    member TEXT PRIMARY KEY, sink TEXT NOT NULL, breaker TEXT NOT NULL, since TEXT NOT NULL, failures INTEGER NOT NULL,
    last_error TEXT NOT NULL, seen_at TEXT NOT NULL, has_left INTEGER NOT NULL
);
"""
KEPT_DAYS = ALERTS.retention_days + ALERTS.dead_letter.retention_days
"""As long as an alert can come again: from its topic, or replayed from the dead letters."""
MEMBERS_KEPT_DAYS = 1


@dataclass(frozen=True, slots=True)
class Member:
    """A dispatcher as it last told of itself. ``has_left`` says that it ended in order."""

    member: str
    sink: str
    breaker: Condition
    seen_at: datetime
    has_left: bool


def journal_file(settings: Settings) -> Path:
    """Where the journal is."""
    return settings.home.absolute() / "dispatch" / "journal.db"


class Journal:
    """The durable record; several dispatchers of one home share it."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        with _in_our_words(path):
            self._database = sqlite3.connect(path, timeout=30, isolation_level=None)
            self._database.execute("PRAGMA journal_mode = WAL")
            self._database.execute("PRAGMA synchronous = FULL")  # noted means on the disk
            self._database.executescript(SCHEMA)
        self._path = path

    def is_done(self, sink: str, event_id: str) -> bool:
        """Whether the effect of this event is known to have happened at this sink."""
        with _in_our_words(self._path):
            query = "SELECT 1 FROM done WHERE sink = ? AND event_id = ?"
            return self._database.execute(query, (sink, event_id)).fetchone() is not None

    def note_done(self, sink: str, event_id: str, at: datetime) -> None:
        """Note an effect; durable when this returns."""
        with _in_our_words(self._path):
            self._database.execute("INSERT OR IGNORE INTO done VALUES (?, ?, ?)", (sink, event_id, at.isoformat()))

    def tell(self, member: Member) -> None:
        """Note how a dispatcher is."""
        condition = member.breaker
        row = (
            member.member, member.sink, condition.state.value, condition.since.isoformat(), condition.failures,
            condition.last_error, member.seen_at.isoformat(), int(member.has_left),
        )  # fmt: skip
        with _in_our_words(self._path):
            self._database.execute("INSERT OR REPLACE INTO members VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def forget_old(self, now: datetime) -> None:
        """Drop what can no longer come again, and dispatchers that were not seen for a day."""
        with _in_our_words(self._path):
            done_before = (now - timedelta(days=KEPT_DAYS)).isoformat()
            self._database.execute("DELETE FROM done WHERE done_at < ?", (done_before,))
            seen_before = (now - timedelta(days=MEMBERS_KEPT_DAYS)).isoformat()
            self._database.execute("DELETE FROM members WHERE seen_at < ?", (seen_before,))

    def close(self) -> None:
        """Close the file."""
        self._database.close()


def members(path: Path) -> list[Member]:
    """Every dispatcher that the journal knows, the one seen last first; none when there is no journal."""
    if not path.exists():
        return []
    with _in_our_words(path):
        database = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=5)
        try:
            rows = database.execute("SELECT * FROM members ORDER BY seen_at DESC").fetchall()
        finally:
            database.close()
    return [_member(row) for row in rows]


def _member(row: tuple[str, str, str, str, int, str, str, int]) -> Member:
    member, sink, state, since, failures, last_error, seen_at, has_left = row
    condition = Condition(State(state), _instant(since), failures, last_error)
    return Member(member, sink, condition, _instant(seen_at), bool(has_left))


def _instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


@contextmanager
def _in_our_words(path: Path) -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise UnavailableError(f"The dispatch journal {path}: {error}. Nothing more is sent until it works.") from error
