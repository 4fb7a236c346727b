"""Sailings: voyages as the positions tell them, from the end of one port call to the start of the next.

Not the voyages that an operator announces (``silver.voyages``): nobody has to tell us of these.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts.fuel_model import PHASES
from lakehouse.transforms.intervals import event_id, hours_between
from lakehouse.transforms.phases import LONGEST_KNOWN_H, phase
from lakehouse.transforms.port_areas import KM_PER_NM
from lakehouse.transforms.port_calls import STOP_ENDS_KN
from lakehouse.transforms.tracks import leg_nm

LEAST_CONFIDENCE = 2
"""A port call ends a voyage if there was a stop or a gap: without either the vessel may have passed by. One in which it
only lay at anchor does not: many wait for one port within the circle of another.
"""
OBSERVED_SPACING_H = 1.0
"""A leg over a longer time is drawn straight, not observed (our choice; a vessel at 15 kn makes 15 nm meanwhile)."""
STILL_NM = 0.1
"""How far satellite navigation may move a vessel that lies still, with room (our choice, 185 m)."""
SAILING = (
    "sailing_id", "segment_id", "mmsi", "from_wpi_number", "from_locode", "to_wpi_number", "to_locode", "departed_at",
    "arrived_at", "duration_hours", "distance_nm", "berth_to_berth_nm", "observed_share", "interpolated_share",
    *(f"{name}_hours" for name in PHASES), "unknown_hours", "position_count", "is_open",
)  # fmt: skip


def sailings(calls: DataFrame, positions: DataFrame) -> DataFrame:
    """One row per voyage of a segment; the one that is under way has ``is_open`` and no arrival yet.

    What lies before a segment's first port call is no voyage, since nobody knows where it began.

    Args:
        calls: Port calls of the segments, as ``port_calls`` gives them.
        positions: ``segment_id``, ``observed_at``, ``lat_deg``, ``lon_deg``, ``sog_kn``, ``is_tanker`` and ``port_km``
            of the nearest port within 5 nm; all of these segments.

    Returns:
        ``distance_nm`` is the sum of geodesics on WGS84 from the last position in the one port to the first in the
        other (so far, of an open one), ``berth_to_berth_nm`` that from the last stop to the first: what a log
        book has. A vessel that lies still, at anchor too, adds nothing. ``observed_share`` is the share of the
        hours whose positions are at most an hour apart, ``interpolated_share`` the share of the miles that are
        not; both null where there is no position. The hours by phase and ``unknown_hours`` add up to the time from
        departure to the last position of the voyage.
    """
    voyages = _voyages(calls)
    way = _way(voyages, positions)
    return (
        voyages.join(way, ["segment_id", "sailing_id"], "left")
        .withColumn("duration_hours", hours_between(F.col("departed_at"), F.col("arrived_at")))
        .select(*SAILING)
    )


def ends_a_voyage() -> Column:
    """Whether a port call is one that a voyage goes to."""
    return (F.col("confidence") >= LEAST_CONFIDENCE) & ~F.col("is_at_anchor")


def _voyages(calls: DataFrame) -> DataFrame:
    """Each departure with the arrival that comes next."""
    in_order = Window.partitionBy("segment_id").orderBy("arrived_at")
    following = F.struct("wpi_number", "locode", "arrived_at", F.coalesce("stopped_at", "arrived_at").alias("berth_at"))
    visits = calls.where(ends_a_voyage()).withColumn("to", F.lead(following).over(in_order))
    return visits.where(~F.col("is_open")).select(
        event_id(F.col("segment_id"), F.col("departed_at")).alias("sailing_id"),
        "segment_id",
        "mmsi",
        F.col("wpi_number").alias("from_wpi_number"),
        F.col("locode").alias("from_locode"),
        F.col("to.wpi_number").alias("to_wpi_number"),
        F.col("to.locode").alias("to_locode"),
        "departed_at",
        F.col("to.arrived_at").alias("arrived_at"),
        F.coalesce("moved_at", "departed_at").alias("from_berth_at"),
        F.col("to.berth_at").alias("to_berth_at"),
        F.col("to").isNull().alias("is_open"),
    )


def _way(voyages: DataFrame, positions: DataFrame) -> DataFrame:
    """Miles and hours of each voyage. Every leg is that of its later position."""
    span = F.struct("sailing_id", "departed_at", "arrived_at", "from_berth_at", "to_berth_at")
    starts = voyages.select("segment_id", F.col("from_berth_at").alias("observed_at"), span.alias("voyage"))
    # A position at the instant of a start still belongs to the voyage before: it sorts first, having no voyage.
    in_order = Window.partitionBy("segment_id").orderBy("observed_at", F.col("voyage").isNotNull())
    timeline = _legs(positions).unionByName(starts, allowMissingColumns=True)
    on_way = timeline.withColumn("of", F.last("voyage", ignorenulls=True).over(in_order)).where(
        F.col("voyage").isNull() & _is_between("of.from_berth_at", "of.to_berth_at")
    )
    is_out = _is_between("of.departed_at", "of.arrived_at")
    is_observed = F.col("leg_h") <= OBSERVED_SPACING_H
    out_nm, out_h = F.when(is_out, F.col("nm")), F.when(is_out, F.col("leg_h"))
    nm, hours = F.sum(out_nm), F.sum(out_h)
    known_h = F.when(is_out & F.col("phase").isNotNull(), F.least("leg_h", F.lit(LONGEST_KNOWN_H))).otherwise(0.0)
    in_phase = {name: F.sum(F.when(F.col("phase") == name, known_h).otherwise(0.0)) for name in PHASES}
    return on_way.groupBy("segment_id", F.col("of.sailing_id").alias("sailing_id")).agg(
        nm.alias("distance_nm"),
        F.sum("nm").alias("berth_to_berth_nm"),
        F.try_divide(F.sum(F.when(is_observed, out_h).otherwise(0.0)), hours).alias("observed_share"),
        F.try_divide(F.sum(F.when(~is_observed, out_nm).otherwise(0.0)), nm).alias("interpolated_share"),
        *(total.alias(f"{name}_hours") for name, total in in_phase.items()),
        F.greatest(F.coalesce(hours, F.lit(0.0)) - F.sum(known_h), F.lit(0.0)).alias("unknown_hours"),
        F.count_if(is_out).alias("position_count"),
    )


def _is_between(after: str, until: str) -> Column:
    is_until = F.coalesce(F.col("observed_at") <= F.col(until), F.lit(True))
    return (F.col("observed_at") > F.col(after)) & is_until


def _legs(positions: DataFrame) -> DataFrame:
    """Positions with way, time and phase from the one before; no way where the vessel lay still at both."""
    in_order = Window.partitionBy("segment_id").orderBy("observed_at")
    in_phase = phase(F.col("sog_kn"), F.col("port_km") / KM_PER_NM, F.col("is_tanker")).alias("phase")
    before = F.lag(F.struct("observed_at", "lat_deg", "lon_deg", "sog_kn", in_phase)).over(in_order)
    nm = leg_nm(F.col("before.lat_deg"), F.col("before.lon_deg"), F.col("lat_deg"), F.col("lon_deg"))
    is_slow = F.greatest("sog_kn", "before.sog_kn") < STOP_ENDS_KN
    is_still = F.coalesce(is_slow & (F.col("leg_nm") < STILL_NM), F.lit(False))
    return positions.withColumn("before", before).withColumn("leg_nm", nm).select(
        "segment_id",
        "observed_at",
        F.when(is_still, 0.0).otherwise(F.col("leg_nm")).alias("nm"),
        hours_between(F.col("before.observed_at"), F.col("observed_at")).alias("leg_h"),
        F.col("before.phase").alias("phase"),
    )  # fmt: skip
