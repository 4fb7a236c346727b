"""Judged events to the columns of Silver's tables. Pure; the names are the contracts'.

The typing functions run inside the stream's plan, once a query; a batch then only selects a table's columns.
"""

from __future__ import annotations

from functools import reduce

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.ais import IMO_WEIGHTS
from contracts.fields import BY_NAME
from contracts.tables import SILVER_LATE, SILVER_QUARANTINE, Table
from lakehouse.transforms.parsing import instant, lawful, mmsi_class

FLAGGED = ("sog_kn", "cog_deg", "heading_deg", "nav_status")
"""Position columns whose sentinel becomes null with a flag."""
IDENTITY = ("imo_number", "vessel_name", "call_sign", "ship_type_code", "length_m", "beam_m")
"""Static columns that say who a vessel is; draught and destination say what it does now."""


def typed_ais(events: DataFrame) -> DataFrame:
    """Columns of ``silver.positions`` and ``silver.identities`` beside the record's; one row per event.

    Sentinels are null and named in ``flags``. ``identity_id`` is null where an event says nothing of identity.
    """
    sentinels = (F.when(F.col(name) == F.lit(BY_NAME[name].sentinel), F.lit(name)) for name in FLAGGED)
    # Not array_compact: Spark makes no code for its lambda once a batch, but anew for all columns in each task.
    flags = F.array_except(F.array(*sentinels), F.array(F.lit(None).cast("string")))
    flagged = events.withColumns({"flags": flags, "mmsi_class": mmsi_class(F.col("mmsi"))})
    codes = ("nav_status", "message_type", "ship_type_code")
    whole = {name: F.col(name).try_cast(BY_NAME[name].type) for name in codes}
    typed = typed_events(flagged).withColumns({**whole, **{name: _text(name) for name in ("vessel_name", "call_sign")}})
    print_of = F.concat_ws("|", *(F.coalesce(F.col(name).cast("string"), F.lit("")) for name in ("mmsi", *IDENTITY)))
    says_who = reduce(Column.__or__, (F.col(name).isNotNull() for name in IDENTITY))
    return typed.withColumns(
        {
            "identity_id": F.when(says_who, F.md5(print_of)),
            "hour_at": F.date_trunc("hour", "observed_at"),
            "is_imo_valid": is_imo_valid(F.col("imo_number")),
        }
    )


def typed_events(events: DataFrame) -> DataFrame:
    """The events with AIS's "not available" sentinels as null; one row per event."""
    with_sentinel = [name for name in events.columns if name in BY_NAME and BY_NAME[name].sentinel is not None]
    return events.withColumns({name: lawful(BY_NAME[name], F.col(name)) for name in with_sentinel})


def typed_voyage_events(events: DataFrame) -> DataFrame:
    """The same, with schedule times as instants."""
    times = ("scheduled_departure_at", "scheduled_arrival_at")
    return typed_events(events).withColumns({name: instant(f"{name}_ms") for name in times})


def rows_of(table: Table, accepted: DataFrame) -> DataFrame:
    """The accepted events in the table's columns; an alert has its own rule again, not that of the verdict."""
    own = accepted.withColumn("rule", F.col("own_rule")) if "own_rule" in accepted.columns else accepted
    return own.select(*table.columns)


def without_lawful_bytes(events: DataFrame) -> DataFrame:
    """The same events, the raw bytes kept only of those that break a rule: the others' are in Bronze."""
    raw = ("kafka_key", "value", "headers")
    return events.withColumns({name: F.when(F.col("rule").isNotNull(), F.col(name)) for name in raw})


def is_imo_valid(imo_number: Column) -> Column:
    """Whether an IMO number's check digit agrees: the first six digits by 7 6 5 4 3 2; null for no number."""
    digits = [F.floor(imo_number / 10**power) % 10 for power in range(6, -1, -1)]
    total = reduce(Column.__add__, (digit * weight for digit, weight in zip(digits[:6], IMO_WEIGHTS, strict=True)))
    return imo_number.between(1_000_000, 9_999_999) & (total % 10 == digits[6])


def quarantined(events: DataFrame, stream: str, batch_id: int) -> DataFrame:
    """``silver.quarantine``: the records that broke a rule, raw."""
    version = F.coalesce(F.col("schema_version").try_cast("int"), F.lit(0))
    return events.withColumns({**_batch(stream, batch_id), "schema_version": version}).select(
        *SILVER_QUARANTINE.columns
    )


def late(events: DataFrame, stream: str, batch_id: int) -> DataFrame:
    """``silver.late``: lawful records behind the watermark, raw."""
    return events.withColumns(_batch(stream, batch_id)).select(*SILVER_LATE.columns)


def _batch(stream: str, batch_id: int) -> dict[str, Column]:
    return {"stream": F.lit(stream), "batch_id": F.lit(batch_id).cast("long")}


def _text(name: str) -> Column:
    """The text up to the first ``@``, with which AIS ends one; null for an empty one."""
    text = F.trim(F.substring_index(F.col(name), "@", 1))
    return F.when(text != "", text)
