"""The truth beside the data: what really happened, and how many of each fault were mixed in."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from contracts.fields import FUEL_KINDS
from producers.twin.config import TwinConfig
from producers.twin.faults import KINDS, Dirty, silences
from producers.twin.journal import instant_ms, voyage_id
from producers.twin.voyages import Track

QUARANTINED = {
    "position_sentinel": "position_not_available",
    "overspeed": "speed_limit",
    "bad_mmsi": "mmsi_class",
}
"""Faults whose reports no row of ``silver.positions`` can be made of, with the rule that refuses them."""

_SENDER = {"event_id": pl.String, "mmsi": pl.Int64, "imo_number": pl.Int64, "observed_at_ms": pl.Int64}


class Tally:
    """Counts lines and faults while they are written."""

    def __init__(self) -> None:
        self.lines: dict[str, Counter[str]] = {}
        self._faults: Counter[tuple[str, int]] = Counter()
        self._senders: list[pl.DataFrame] = []
        self.same_report_time = 0

    def count(self, topic: str, what: str, number: int) -> None:
        """Add to a topic's count."""
        self.lines.setdefault(topic, Counter())[what] += number

    def fault(self, kind: str, mmsi: int, number: int) -> None:
        """Add to the count of a fault. ``mmsi`` is the ship's lawful one."""
        if number:
            self._faults[kind, mmsi] += number

    def positions(self, dirty: Dirty, mmsi_of_ship: Sequence[int]) -> None:
        """Count the faults of position reports, and reports that share MMSI and time with another lawful
        one.
        """
        found = pl.DataFrame({"ship": dirty.ship, "fault": dirty.fault}).filter(pl.col("fault") > 0)
        for ship, fault, number in found.group_by("ship", "fault", maintain_order=True).len().iter_rows():
            self.fault(KINDS[fault - 1], mmsi_of_ship[ship], number)
        lawful = dirty.rows.filter(~pl.Series(dirty.where("late", *QUARANTINED))).select("mmsi", "observed_at_ms")
        self.same_report_time += lawful.height - lawful.n_unique()

    def senders(self, event_ids: pl.Series, dirty: Dirty, sharing: Mapping[int, int]) -> None:
        """Keep who really sent each report of an MMSI that two ships share.

        Args:
            event_ids: One per report.
            dirty: The reports.
            sharing: IMO number of each ship that shares its MMSI, by its place in the fleet.
        """
        is_shared = np.isin(dirty.ship, list(sharing)) & ~dirty.where("bad_mmsi")
        imo = pl.Series("imo_number", [sharing[ship] for ship in dirty.ship[is_shared]], pl.Int64)
        sent = dirty.rows.select(event_ids, "mmsi", "observed_at_ms").filter(pl.Series(is_shared))
        self._senders.append(sent.with_columns(imo).select(_SENDER.keys()))

    def sender_rows(self) -> pl.DataFrame:
        """One row per position report of an MMSI that two ships share, with the IMO number of its ship."""
        return pl.concat([pl.DataFrame(schema=_SENDER), *self._senders]).sort("mmsi", "observed_at_ms", "imo_number")

    def faults(self) -> dict[str, int]:
        """Number of each fault over the fleet."""
        totals: Counter[str] = Counter()
        for (kind, _), number in self._faults.items():
            totals[kind] += number
        return dict(sorted(totals.items()))

    def fault_rows(self) -> pl.DataFrame:
        """One row per fault and ship."""
        rows = [(kind, mmsi, number) for (kind, mmsi), number in sorted(self._faults.items())]
        return pl.DataFrame(rows, schema={"fault": pl.String, "mmsi": pl.Int64, "count": pl.Int64}, orient="row")

    def summary(self, config: TwinConfig) -> dict[str, Any]:
        """Lines, unique events, faults, and what a lake must make of them."""
        faults = self.faults()
        positions = self.lines["ais"]["position"]
        quarantined = {rule: faults.get(kind, 0) for kind, rule in QUARANTINED.items()}
        late = faults.get("late", 0)
        expected = {
            "unique_events": positions,
            "duplicate_resent": faults.get("duplicate", 0),
            "of_two_ships_at_one_time": self.same_report_time,
            "broken_lines": faults.get("broken", 0),
            "quarantined_by_rule": quarantined,
            "late_when_streamed_in_order": late,
            "accepted_without_late": positions - sum(quarantined.values()) - late,
        }
        topics = {
            topic: {
                "lines": sum(counts.values()),
                "unique_events": sum(counts.values()) - counts["duplicate"] - counts["broken"],
                **dict(sorted(counts.items())),
            }
            for topic, counts in self.lines.items()
        }
        return {
            "config": config.model_dump(mode="json"), "topics": topics, "faults": faults,
            "expected_positions": expected,
        }  # fmt: skip


def write_truth(folder: Path, tracks: Sequence[Track], fuel: pl.DataFrame, config: TwinConfig) -> None:
    """Voyages, port calls, silences, failures and fuel of the fleet."""
    folder.mkdir(exist_ok=True)
    pl.DataFrame([row for t in tracks for row in _voyages(t, config)], infer_schema_length=None).write_csv(
        folder / "voyages.csv"
    )
    _write_rows(folder / "port_calls.csv", [row for t in tracks for row in _port_calls(t, config)], _PORT_CALL)
    _write_rows(folder / "silences.csv", [row for t in tracks for row in _silences(t, config)], _SILENCE)
    _write_rows(folder / "failures.csv", [row for t in tracks for row in _failures(t, config)], _FAILURE)
    kinds = [f"fuel_{kind}_t" for kind in FUEL_KINDS if f"fuel_{kind}_t" in fuel.columns]
    fuel.with_columns(
        (pl.lit(config.start) + pl.duration(days=pl.col("day"))).alias("day"),
        pl.col(kinds).fill_null(0).round(6),
    ).with_columns(pl.col(pl.Float64).round(6)).write_csv(folder / "fuel_by_day.csv")


def write_summary(folder: Path, tally: Tally, config: TwinConfig) -> dict[str, Any]:
    """Counts of lines and faults, as ``summary.json`` and ``faults.csv``, and who used a shared MMSI when, as
    ``shared_mmsi.csv``; returns the summary.
    """
    tally.fault_rows().write_csv(folder / "faults.csv")
    tally.sender_rows().write_csv(folder / "shared_mmsi.csv")
    summary = tally.summary(config)
    (folder / "summary.json").write_text(json.dumps(summary, indent=2) + "\n")
    return summary


_PORT_CALL = ("mmsi", "imo_number", "voyage_id", "locode", "berthed_at", "left_at")
_SILENCE = ("mmsi", "imo_number", "since_at", "until_at")
_FAILURE = ("mmsi", "imo_number", "component", "wear_onset_at", "failed_at", "repaired_at", "severity")


def _write_rows(path: Path, rows: Sequence[tuple[Any, ...]], columns: Sequence[str]) -> None:
    pl.DataFrame(rows, schema=list(columns), orient="row", infer_schema_length=None).write_csv(path)


def _at(config: TwinConfig, step: int | None) -> str | None:
    """ISO time of a step, in UTC."""
    return None if step is None else _iso(instant_ms(config, step))


def _iso(at_ms: int) -> str:
    return dt.datetime.fromtimestamp(at_ms // 1_000, dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _voyages(track: Track, config: TwinConfig) -> list[dict[str, Any]]:
    return [
        {
            "voyage_id": voyage_id(track, v), "mmsi": track.ship.mmsi, "imo_number": track.ship.imo_number,
            "from_locode": v.from_locode, "to_locode": v.to_locode,
            "scheduled_departure_at": _at(config, v.scheduled_departure),
            "scheduled_arrival_at": _at(config, v.scheduled_arrival),
            "departed_at": _at(config, v.departed), "arrived_at": _at(config, v.arrived), "status": v.status,
            "distance_nm": None if v.distance_nm is None else round(v.distance_nm, 1),
            "delay_cause": v.delay_cause,
        }
        for v in track.voyages
    ]  # fmt: skip


def _port_calls(track: Track, config: TwinConfig) -> list[tuple[Any, ...]]:
    """The berth that the ship lay at when the twin began, without voyage and arrival, and those it came to."""
    sailed = [v for v in track.voyages if v.departed is not None]
    at_start = (None, (sailed or track.voyages)[0].from_locode, None)
    called = [(voyage_id(track, v), v.to_locode, v.arrived) for v in sailed if v.arrived is not None]
    departures = [v.departed for v in sailed] + [None]  # the ship may still lie there at the end
    return [
        (track.ship.mmsi, track.ship.imo_number, voyage, locode, _at(config, berthed), _at(config, left))
        for (voyage, locode, berthed), left in zip([at_start, *called], departures, strict=False)
    ]


def _silences(track: Track, config: TwinConfig) -> list[tuple[Any, ...]]:
    ship = track.ship
    found = sorted(silences(ship, config), key=lambda silence: silence.since_ms)
    return [(ship.mmsi, ship.imo_number, _iso(s.since_ms), _iso(s.until_ms)) for s in found]


def _failures(track: Track, config: TwinConfig) -> list[tuple[Any, ...]]:
    ship = track.ship
    return [
        (
            ship.mmsi, ship.imo_number, f.component, _at(config, f.onset), _at(config, f.failed),
            _at(config, f.repaired), round(f.severity, 3),
        )
        for f in track.failures
        if f.failed < config.steps
    ]  # fmt: skip
