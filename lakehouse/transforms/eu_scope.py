"""Which part of a ship's day counts under the EU's rules: by the voyages and stays in port that it lies in. Pure.

Only what is known counts: hours between an arrival and the departure from the same port, and hours of a voyage that has
ended. Of all other hours the scope is unknown, and it stays so.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts.fields import FUEL_KINDS
from contracts.regulation.eu import EuRules
from lakehouse.transforms.fueleu import scope_share
from lakehouse.transforms.intervals import hours, hours_between

DAY_H = 24.0
LEAST_H = 1 / 3_600
"""Less than a second of a day is a matter of rounding."""


def scope_spans(voyages: DataFrame, eu: EuRules) -> DataFrame:
    """Voyages and stays in port, with the share of them that counts.

    Args:
        voyages: ``silver.voyages``. A voyage without departure or arrival, a cancelled one, and one whose port at
            either end is not named, tells nothing.
        eu: The countries whose ports count.

    Returns:
        ``mmsi``, ``started_at``, ``ended_at``, ``scope_share`` (1, 0.5 or 0, never null). The spans of a vessel do not
        overlap: where voyages do, the later departure ends the earlier one. A stay is the time between an arrival and
        the next departure, at anchor too, where both name the same port.
    """
    in_order = Window.partitionBy("mmsi").orderBy("departed_at", "voyage_id")
    sailed = voyages.where(
        (F.col("status") != "cancelled") & F.col("departed_at").isNotNull() & F.col("mmsi").isNotNull()
    ).withColumns(
        {"next_at": F.lead("departed_at").over(in_order), "next_locode": F.lead("from_locode").over(in_order)}
    )
    from_port, to_port, next_port = (F.col(name) for name in ("from_locode", "to_locode", "next_locode"))
    has_arrived, stays = F.col("arrived_at").isNotNull(), F.col("arrived_at") < F.col("next_at")
    legs = sailed.where(has_arrived).select(
        "mmsi",
        F.col("departed_at").alias("started_at"),
        F.least("arrived_at", "next_at").alias("ended_at"),
        scope_share(eu, from_port, to_port).alias("scope_share"),
    )
    in_port = sailed.where(stays & (to_port == next_port)).select(
        "mmsi",
        F.col("arrived_at").alias("started_at"),
        F.col("next_at").alias("ended_at"),
        scope_share(eu, to_port, next_port).alias("scope_share"),
    )
    return legs.unionByName(in_port).where(F.col("scope_share").isNotNull())


def scoped_days(days: DataFrame, spans: DataFrame) -> DataFrame:
    """Fuel days with the share of each that counts; a day of several voyages is split by hours.

    Args:
        days: ``silver.emissions``.
        spans: Of `scope_spans`.

    Returns:
        The days, each once, with ``year``, ``scope_share``, the share of the whole day's fuel that is known to count
        (null where no hour is known), and ``scope_unknown_h``, the hours that no span covers.
    """
    begins = F.col("reported_on").cast("timestamp")
    ends = begins + hours(DAY_H)
    is_within = (F.col("started_at") < ends) & (F.col("ended_at") > begins)
    covered_h = hours_between(F.greatest("started_at", begins), F.least("ended_at", ends))
    known = (
        days.select("mmsi", "reported_on")
        .join(spans, "mmsi")
        .where(is_within)
        .groupBy("mmsi", "reported_on")
        .agg(F.sum(covered_h).alias("known_h"), (F.sum(covered_h * F.col("scope_share")) / DAY_H).alias("scope_share"))
    )
    unknown_h = F.greatest(F.lit(0.0), DAY_H - F.coalesce("known_h", F.lit(0.0)))
    return (
        days.join(known, ["mmsi", "reported_on"], "left")
        .withColumns({"year": F.year("reported_on"), "scope_unknown_h": unknown_h})
        .drop("known_h")
    )


def is_unknown() -> Column:
    """Whether hours of the day are of unknown scope."""
    return F.col("scope_unknown_h") > LEAST_H


def fuel_use(days: DataFrame, lng_engine: str | None) -> DataFrame:
    """What counts of the days' fuel, as `fueleu_balances` and `ets_emissions` take it.

    Args:
        days: Of `scoped_days`.
        lng_engine: The kind of engine in which LNG is burnt, as ``otto_medium_speed``; None where nobody told.

    Returns:
        ``imo_number``, ``year``, ``fuel`` (a name of `WellToWake`, or one without factors), ``fuel_t``,
        ``scope_share``; one row per day and fuel that was burnt, days of which nothing counts left out.
    """
    kinds = (F.struct(F.lit(fuel_name(kind, lng_engine)).alias("fuel"), F.col(f"fuel_{kind}_t").alias("fuel_t"))
             for kind in FUEL_KINDS)  # fmt: skip
    return (
        days.where(F.col("scope_share") > 0)
        .withColumn("use", F.explode(F.array(*kinds)))
        .select("imo_number", "year", "use.*", "scope_share")
        .where(F.col("fuel_t") > 0)
    )


def fuel_name(kind: str, lng_engine: str | None) -> str:
    """The name by which FuelEU's factors know a kind of fuel; LNG has one for each kind of engine."""
    return f"lng_{lng_engine}" if kind == "lng" and lng_engine else kind
