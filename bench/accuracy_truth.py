"""What was found against what the twin knows: who is matched with whom, and how well that is done."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl

from producers.twin import TwinConfig
from producers.twin.fuel import burn
from producers.twin.journal import fuel_by_day
from producers.twin.register import fleet
from producers.twin.truth import write_truth
from producers.twin.voyages import sail

EVER, NEVER = datetime(1, 1, 1, tzinfo=UTC), datetime(9999, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Event:
    """A port call or a voyage of a ship. ``ship`` is its IMO number; ``what`` must be equal: port or ports."""

    ship: int
    what: str
    start_at: datetime
    end_at: datetime
    distance_nm: float | None = None

    def agrees(self, other: Event) -> bool:
        """Same ship, same ports, and some time in common."""
        is_same = (self.ship, self.what) == (other.ship, other.what)
        return is_same and self.start_at <= other.end_at and other.start_at <= self.end_at


def write_whole_truth(config: TwinConfig, folder: Path) -> None:
    """The truth of every ship that sends, also of those with another one's MMSI, which the twin leaves out."""
    tracks = [sail(ship, config) for ship in fleet(config)]
    write_truth(folder, tracks, pl.concat([fuel_by_day(t, burn(t), config) for t in tracks], how="diagonal"), config)


def true_calls(truth: Path) -> list[Event]:
    """Every berth of the twin, also those at its beginning."""
    rows = _rows(truth / "port_calls.csv")
    return [Event(r["imo_number"], r["locode"], r["berthed_at"] or EVER, r["left_at"] or NEVER) for r in rows]


def true_voyages(truth: Path) -> list[Event]:
    """Every voyage that departed; one under way has no port of arrival, as nobody can have seen it."""
    rows = [row for row in _rows(truth / "voyages.csv") if row["departed_at"] is not None]
    return [
        voyage(r["imo_number"], r["from_locode"], r["to_locode"], r["departed_at"], r["arrived_at"], r["distance_nm"])
        for r in rows
    ]


def voyage(
    ship: int, start: str, end: str | None, departed_at: datetime, arrived_at: datetime | None, nm: float | None
) -> Event:
    """A voyage as an event; open where it has no arrival."""
    return Event(ship, f"{start}-{end if arrived_at else ''}", departed_at, arrived_at or NEVER, nm)


def matched(truth: Sequence[Event], found: Sequence[Event]) -> list[tuple[Event, Event]]:
    """Pairs that agree; in order of time, and each in one pair only."""
    free, pairs = sorted(found, key=lambda event: event.start_at), []
    for true in sorted(truth, key=lambda event: event.start_at):
        partner = next((event for event in free if true.agrees(event)), None)
        if partner is not None:
            free.remove(partner)
            pairs.append((true, partner))
    return pairs


def score(truth: Sequence[Event], found: Sequence[Event]) -> dict[str, float]:
    """Precision, the share of what was found that is true, and recall, the share of what is true that was found."""
    right = len(matched(truth, found))
    return {
        "true": len(truth), "found": len(found), "matched": right,
        "precision": round(right / max(len(found), 1), 4), "recall": round(right / max(len(truth), 1), 4),
    }  # fmt: skip


def distance_error_pct(pairs: Iterable[tuple[Event, Event]]) -> dict[str, float | None]:
    """How far the found distances of arrived voyages are from the logged ones: median and worst, in per cent."""
    errors = [
        100 * abs(found.distance_nm - true.distance_nm) / true.distance_nm
        for true, found in pairs
        if true.distance_nm and found.distance_nm
    ]
    if not errors:
        return {"median": None, "worst": None}
    return {"median": round(median(errors), 3), "worst": round(max(errors), 3)}


def _rows(path: Path) -> list[dict[str, Any]]:
    frame = pl.read_csv(path, infer_schema_length=None)
    times = [name for name in frame.columns if name.endswith("_at")]
    as_time = pl.col(times).cast(pl.String).str.to_datetime("%Y-%m-%dT%H:%M:%SZ", time_zone="UTC")
    return frame.with_columns(as_time).to_dicts()
