"""What the broker and the tables hold, read without Spark."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import deltalake

from contracts.errors import UnavailableError
from contracts.settings import Settings
from contracts.tables import (
    BRONZE_AIS,
    GOLD_VESSEL_DAY,
    SILVER_IDENTITIES,
    SILVER_LATE,
    SILVER_POSITIONS,
    SILVER_QUARANTINE,
    Table,
)
from contracts.topics import AIS
from lakehouse import ledger
from lakehouse.status import line_status
from maritime.delivery.proof import Arrival, Lake

PLACE = ("kafka_partition", "kafka_offset")


def collect(settings: Settings) -> Lake:
    """Everything that the proof compares.

    Raises:
        UnavailableError: The broker does not tell its marks.
    """
    positions = _rows(settings, SILVER_POSITIONS, "event_id", *PLACE, "mmsi", "observed_on")
    told = _rows(settings, SILVER_IDENTITIES, "mmsi", "vessel_name", "hour_at")
    days = _rows(settings, GOLD_VESSEL_DAY, "mmsi", "observed_on", "position_count")
    return Lake(
        on_broker=_marks(settings),
        bronze=_raw(_rows(settings, BRONZE_AIS, *PLACE, "value")),
        positions=[Arrival(row["event_id"], row["kafka_partition"], row["kafka_offset"]) for row in positions],
        late=_raw(_rows(settings, SILVER_LATE, *PLACE, "value")),
        quarantine=_raw(_rows(settings, SILVER_QUARANTINE, *PLACE, "value")),
        identities=[f"{row['mmsi']} {row['vessel_name']} {row['hour_at']:%F %H}h" for row in told],
        silver_days=Counter(_day(row) for row in positions),
        gold_days=_positions_by_day(days),
        ledger=_totals(settings),
    )


def _marks(settings: Settings) -> dict[int, int]:
    status = line_status(settings, datetime.now(UTC))
    for topic in status.topics:
        if topic.topic == AIS.name:
            return {number: end for number, (_, end) in topic.partitions.items()}
    raise UnavailableError(f"The marks of {AIS.name} cannot be told: the broker is {status.broker}.")


def _rows(settings: Settings, table: Table, *columns: str) -> list[dict[str, Any]]:
    found = deltalake.DeltaTable(f"{settings.lake}/{table.path}").to_pyarrow_table(columns=list(columns))
    rows: list[dict[str, Any]] = found.to_pylist()
    return rows


def _raw(rows: list[dict[str, Any]]) -> list[Arrival]:
    return [Arrival(json.loads(row["value"])["event_id"], *(row[name] for name in PLACE)) for row in rows]


def _day(row: dict[str, Any]) -> str:
    return f"{row['mmsi']} {row['observed_on']}"


def _positions_by_day(vessel_days: list[dict[str, Any]]) -> Counter[str]:
    """Positions of an MMSI's day, whatever segments they are of."""
    counted: Counter[str] = Counter()
    for row in vessel_days:
        counted[_day(row)] += row["position_count"]
    return counted


def _totals(settings: Settings) -> Counter[str]:
    totals: Counter[str] = Counter()
    for entry in ledger.entries(settings.lake, f"silver.{AIS.short}"):
        totals.update({name: count for name, count in entry.items() if name.startswith("rows_")})
    return totals
