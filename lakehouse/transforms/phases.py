"""Hours at berth, at anchor, manoeuvring and at sea, by speed and distance from a port."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts.fuel_model import PHASES
from lakehouse.transforms.intervals import hours, hours_between
from lakehouse.transforms.port_areas import KM_PER_NM

NEAR_PORT_NM = 5.0
NEAR_PORT_KM = NEAR_PORT_NM * KM_PER_NM
"""How far ``with_nearest_port`` must look for the phases."""
AT_PORT_NM = 1.0
LONGEST_KNOWN_H = 2.0
"""A phase is taken to last no longer than this after a position; the rest of a silence is of unknown phase."""


def phase(sog_kn: Column, port_nm: Column, is_tanker: Column) -> Column:
    """Operating phase by the Fourth IMO GHG Study 2020, table 16; null without a speed.

    Up to 1 kn within 5 nm of a port is berth, up to 3 kn else anchored; up to 5 kn within 5 nm manoeuvring, and
    faster within 1 nm too (a tanker: 5 nm); all else is sea. The table's 5 nm from the coast counts from ports
    here, as the coast is not known, and its two transit phases, which need the engine's load, are one.

    Args:
        sog_kn: Speed over ground.
        port_nm: Distance of the nearest port; null where it is more than 5 nm.
        is_tanker: False where it is not known.
    """
    is_near = F.coalesce(port_nm <= NEAR_PORT_NM, F.lit(False))
    is_at_port = F.coalesce(port_nm <= F.when(is_tanker, NEAR_PORT_NM).otherwise(AT_PORT_NM), F.lit(False))
    is_manoeuvring = F.when(sog_kn <= 5, is_near).otherwise(is_at_port)
    return (
        F.when((sog_kn <= 1) & is_near, "berth")
        .when(sog_kn <= 3, "anchored")
        .when(is_manoeuvring & sog_kn.isNotNull(), "manoeuvring")
        .when(sog_kn.isNotNull(), "sea")
    )


def phase_hours(positions: DataFrame, longest_known_h: float = LONGEST_KNOWN_H) -> DataFrame:
    """One row per segment and UTC day: hours by phase, and ``unknown_h``.

    A position's phase holds to the next one, at most ``longest_known_h``; an interval over midnight belongs to
    both days. The hours of a day add up to the time between the segment's first and last position on it, 24 h on
    a day within.

    Args:
        positions: ``segment_id``, ``mmsi``, ``observed_at``, ``sog_kn``, ``is_tanker`` and ``port_km`` of the
            nearest port within 5 nm.
        longest_known_h: Cap of an interval.
    """
    in_order = Window.partitionBy("segment_id").orderBy("observed_at")
    intervals = positions.select(
        "segment_id",
        "mmsi",
        F.col("observed_at").alias("from_at"),
        F.lead("observed_at").over(in_order).alias("to_at"),
        phase(F.col("sog_kn"), F.col("port_km") / KM_PER_NM, F.col("is_tanker")).alias("phase"),
    ).where(F.col("to_at").isNotNull())
    known_to = F.least(F.col("to_at"), F.col("from_at") + hours(longest_known_h))
    parts = F.array(
        F.struct("from_at", known_to.alias("to_at"), "phase"),
        F.struct(known_to.alias("from_at"), "to_at", F.lit(None).cast("string").alias("phase")),
    )
    by_day = _by_day(intervals.select("segment_id", "mmsi", F.inline(parts)).where("from_at < to_at"))
    in_phase = {name: F.col("phase") == name for name in PHASES} | {"unknown": F.col("phase").isNull()}
    return by_day.groupBy("segment_id", "observed_on").agg(
        F.min("mmsi").alias("mmsi"),
        *(F.sum(F.when(is_it, F.col("part_h")).otherwise(0.0)).alias(f"{name}_h") for name, is_it in in_phase.items()),
    )


def _by_day(intervals: DataFrame) -> DataFrame:
    """The intervals cut at midnight, with their length ``part_h``."""
    days = F.sequence(F.to_date("from_at"), F.to_date("to_at"))
    midnight = F.col("observed_on").cast("timestamp")
    next_midnight = F.date_add("observed_on", 1).cast("timestamp")
    part_h = hours_between(F.greatest("from_at", midnight), F.least("to_at", next_midnight))
    return intervals.withColumn("observed_on", F.explode(days)).withColumn("part_h", part_h).where("part_h > 0")
