"""Judged events to the rows of Silver's tables. Pure; each function's last select is the table's contract."""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.ais import IMO_WEIGHTS
from contracts.fields import BY_NAME
from contracts.tables import (
    SILVER_LATE,
    SILVER_POSITIONS,
    SILVER_QUARANTINE,
    SILVER_VESSELS,
    SILVER_VOYAGE_EVENTS,
    Table,
)
from lakehouse.transforms.parsing import lawful, mmsi_class

NULLED = ("sog_kn", "cog_deg", "heading_deg", "nav_status")
"""Position columns whose sentinel becomes null with a flag."""
IDENTITY = ("imo_number", "vessel_name", "call_sign", "ship_type_code", "length_m", "beam_m")
"""Static columns that say who a vessel is; draught and destination say what it does now."""


def positions(events: DataFrame) -> DataFrame:
    """``silver.positions``: one row per given event; sentinels are null and named in ``flags``."""
    sentinels = [
        F.when(F.col(name) == BY_NAME[name].sentinel, F.lit(name))
        for name in NULLED
        if BY_NAME[name].sentinel
    ]
    typed = {name: lawful(BY_NAME[name], F.col(name)) for name in NULLED}
    return _columns(
        events.withColumns(
            {
                "flags": F.array_compact(F.array(*sentinels)),
                "mmsi_class": mmsi_class(F.col("mmsi")),
                **typed,
            }
        ).withColumns({name: F.col(name).cast("int") for name in ("nav_status", "message_type")}),
        SILVER_POSITIONS,
    )


def identities(events: DataFrame) -> DataFrame:
    """``silver.vessels`` candidates: one row per event that says anything of identity; repeats included."""
    known = {name: _absent_to_null(name) for name in IDENTITY}
    print_of = F.concat_ws(
        "|", *(F.coalesce(F.col(name).cast("string"), F.lit("")) for name in ("mmsi", *IDENTITY))
    )
    said = reduce(Column.__or__, (F.col(name).isNotNull() for name in IDENTITY))
    return _columns(
        events.withColumns(known)
        .where(said)
        .withColumns(
            {
                "identity_id": F.md5(print_of),
                "valid_from_at": F.col("observed_at"),
                "is_imo_valid": is_imo_valid(F.col("imo_number")),
                "mmsi_class": mmsi_class(F.col("mmsi")),
                "ship_type_code": F.col("ship_type_code").cast("int"),
            }
        ),
        SILVER_VESSELS,
    )


def is_imo_valid(imo_number: Column) -> Column:
    """Whether an IMO number's check digit agrees: the first six digits by 7 6 5 4 3 2; null for no number."""
    digits = [F.floor(imo_number / 10**power) % 10 for power in range(6, -1, -1)]
    total = reduce(
        Column.__add__, (digit * weight for digit, weight in zip(digits[:6], IMO_WEIGHTS, strict=True))
    )
    return imo_number.between(1_000_000, 9_999_999) & (total % 10 == digits[6])


def quarantined(events: DataFrame, stream: str, batch_id: int) -> DataFrame:
    """``silver.quarantine``: the records that broke a rule, raw."""
    where_from = {"stream": F.lit(stream), "batch_id": F.lit(batch_id).cast("long")}
    version = F.coalesce(F.col("schema_version").cast("int"), F.lit(0))
    return _columns(events.withColumns({**where_from, "schema_version": version}), SILVER_QUARANTINE)


def late(events: DataFrame, stream: str, batch_id: int) -> DataFrame:
    """``silver.late``: lawful records behind the watermark, raw."""
    where_from = {"stream": F.lit(stream), "batch_id": F.lit(batch_id).cast("long")}
    return _columns(events.withColumns(where_from), SILVER_LATE)


def readings(events: DataFrame, table: Table) -> DataFrame:
    """The table's columns of events that need no change: sensors and alerts; sentinels are null."""
    nullable = [name for name in events.columns if name in BY_NAME and BY_NAME[name].sentinel is not None]
    return _columns(
        events.withColumns({name: lawful(BY_NAME[name], F.col(name)) for name in nullable}), table
    )


def voyage_events(events: DataFrame) -> DataFrame:
    """``silver.voyage_events``: one row per given event; schedule times as instants."""
    times = {
        name: F.timestamp_millis(f"{name}_ms") for name in ("scheduled_departure_at", "scheduled_arrival_at")
    }
    return readings(events.withColumns(times), SILVER_VOYAGE_EVENTS)


def _absent_to_null(name: str) -> Column:
    value = F.col(name)
    if BY_NAME[name].type != "string":
        return lawful(BY_NAME[name], value)
    text = F.trim(F.regexp_replace(value, "@.*$", ""))  # AIS ends a text with @
    return F.when(text != "", text)


def _columns(rows: DataFrame, table: Table) -> DataFrame:
    return rows.select(*table.columns)
