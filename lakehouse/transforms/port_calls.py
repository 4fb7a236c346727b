"""Port calls: when a vessel came into a port, lay still there and left, from its positions alone.

The rules are those of Global Fishing Watch's ``anchorages_pipeline``: a port is entered at 3 km and left beyond
4 km, a stop begins at 0.2 kn and ends at 0.5 kn. Two different limits each, so that a vessel at a limit does not
come and go with every report. Here the places are the ports of the World Port Index, not anchorages learnt from
data: a terminal farther than 3 km from its port's point is not seen.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window, WindowSpec
from pyspark.sql import functions as F

from lakehouse.transforms.intervals import event_id, hours_between
from lakehouse.transforms.port_areas import ENTER_KM, KM_PER_NM, LEAVE_KM, PORT
from lakehouse.transforms.tracks import leg_nm

STOP_BEGINS_KN = 0.2
STOP_ENDS_KN = 0.5
PORT_GAP_H = 4.0
"""Without a position for longer, a vessel in port may have moored unseen (the pipeline's ``min_gap_minutes``)."""
AT_ANCHOR = 1
"""Navigational status (ITU-R M.1371). It is keyed in by hand, so it only tells how a vessel lies that lies still."""
PORT_CALL = (
    "port_call_id", "segment_id", "mmsi", *PORT, "arrived_at", "departed_at", "left_by_at", "stopped_at", "moved_at",
    "stopped_hours", "position_count", "has_entry", "has_gap", "is_open", "is_at_anchor", "confidence",
)  # fmt: skip


def port_calls(positions: DataFrame) -> DataFrame:
    """One row per visit of a segment to a port.

    A vessel that goes from port to neighbouring port without leaving both makes one visit: to the port where it
    lay still the longest, else to the nearest.

    Args:
        positions: ``segment_id``, ``mmsi``, ``observed_at``, ``lat_deg``, ``lon_deg``, ``sog_kn`` and ``nav_status``
            (may be null), and the nearest port within 4 km, as ``with_nearest_port`` gives it; one row per segment and
            instant.

    Returns:
        ``arrived_at`` and ``departed_at`` are the first and the last position in port; ``departed_at`` is null
        while no later position is outside (``is_open``), ``left_by_at`` is that later position. ``stopped_at`` and
        ``moved_at`` are the first and the last position at which it lay still, null without any;
        ``stopped_hours`` is the time in between that it lay still. ``has_entry`` is false where the segment begins
        in port, ``has_gap`` says that it was silent for more than 4 h. ``is_at_anchor``: it lay still, and said each
        time that it was at anchor; it may have waited for another port.
        ``confidence``: 4, entry and exit seen, and a stop or a gap; 3, one of entry and exit, and a stop or a gap;
        2, a stop or a gap only; 1, entry or exit without either: it may have passed by. A visit without any of
        these is none.
    """
    by_port = _inside(positions).groupBy("segment_id", "visit", *PORT).agg(
        F.min("mmsi").alias("mmsi"),
        F.count(F.lit(1)).alias("position_count"),
        F.min("observed_at").alias("first_at"),
        F.max("observed_at").alias("last_at"),
        F.max("left_by_at").alias("left_by_at"),
        F.min(F.when(F.col("is_stopped"), F.col("observed_at"))).alias("stopped_at"),
        F.max(F.when(F.col("is_stopped"), F.col("observed_at"))).alias("moved_at"),
        F.sum(F.when(F.col("is_stopped"), F.col("stay_h")).otherwise(0.0)).alias("stopped_hours"),
        F.bool_or(F.col("is_stopped") & ~F.col("is_anchored")).alias("has_moored"),
        F.bool_or("is_entry").alias("has_entry"),
        F.bool_or("is_gap").alias("has_gap"),
        F.min("port_km").alias("port_km"),
    )  # fmt: skip
    return _named(_visits(by_port))


def _inside(positions: DataFrame) -> DataFrame:
    """The positions in port, with the number of their visit and whether the vessel lies still."""
    in_order = Window.partitionBy("segment_id").orderBy("observed_at")
    place = F.struct("lat_deg", "lon_deg", "wpi_number")
    known = positions.withColumn("before", F.lag(place).over(in_order)).withColumn("is_elsewhere", _is_elsewhere())
    judged = known.withColumn("is_inside", _latest(_is_inside(), in_order))
    was_inside = F.lag("is_inside").over(in_order)
    is_first = F.col("is_inside") & (~F.coalesce(was_inside, F.lit(False)) | F.col("is_elsewhere"))
    numbered = judged.withColumn("is_first", is_first).withColumns(
        {
            "visit": F.sum(F.col("is_first").cast("int")).over(in_order),
            "is_stopped": _latest(_is_stopped(), in_order),
            "after": F.lead(F.struct("observed_at", "is_inside", "is_first")).over(in_order),
        }
    )
    stays = F.col("after.is_inside") & ~F.col("after.is_first")
    until_next_h = hours_between(F.col("observed_at"), F.col("after.observed_at"))
    return numbered.where("is_inside").withColumns(
        {
            "is_entry": F.col("is_first") & F.col("before").isNotNull(),
            "is_gap": F.coalesce(until_next_h > PORT_GAP_H, F.lit(False)),
            "is_anchored": F.coalesce(F.col("nav_status") == AT_ANCHOR, F.lit(False)),
            "stay_h": F.when(stays, until_next_h).otherwise(0.0),
            "left_by_at": F.when(~stays, F.col("after.observed_at")),
        }
    )


def _is_elsewhere() -> Column:
    """Near another port than before, and too far from there for a way through the waters of both."""
    km = leg_nm(F.col("before.lat_deg"), F.col("before.lon_deg"), F.col("lat_deg"), F.col("lon_deg")) * KM_PER_NM
    is_other = F.col("wpi_number") != F.col("before.wpi_number")
    return F.coalesce(is_other & (km > 2 * LEAVE_KM), F.lit(False))


def _is_inside() -> Column:
    """True or false where the position alone tells; null between the two limits."""
    is_out = F.col("port_km").isNull() | (F.col("port_km") > LEAVE_KM) | F.col("is_elsewhere")
    return F.when(F.col("port_km") <= ENTER_KM, True).when(is_out, False)


def _is_stopped() -> Column:
    """The same of lying still; a visit begins with a vessel that moves unless its speed says otherwise."""
    is_moving = (F.col("sog_kn") >= STOP_ENDS_KN) | ~F.col("is_inside") | F.col("is_first")
    return F.when(F.col("is_inside") & (F.col("sog_kn") <= STOP_BEGINS_KN), True).when(is_moving, False)


def _latest(verdict: Column, in_order: WindowSpec) -> Column:
    return F.coalesce(F.last(verdict, ignorenulls=True).over(in_order), F.lit(False))


def _visits(by_port: DataFrame) -> DataFrame:
    """The ports of a visit as one row."""
    best = F.max_by(F.struct(*PORT), F.struct("stopped_hours", -F.col("port_km")))
    return by_port.groupBy("segment_id", "visit").agg(
        best.alias("port"),
        F.min("mmsi").alias("mmsi"),
        F.sum("position_count").alias("position_count"),
        F.min("first_at").alias("arrived_at"),
        F.max("last_at").alias("last_at"),
        F.max("left_by_at").alias("left_by_at"),
        F.min("stopped_at").alias("stopped_at"),
        F.max("moved_at").alias("moved_at"),
        F.sum("stopped_hours").alias("stopped_hours"),
        F.bool_or("has_moored").alias("has_moored"),
        F.bool_or("has_entry").alias("has_entry"),
        F.bool_or("has_gap").alias("has_gap"),
    )


def _named(visits: DataFrame) -> DataFrame:
    is_open = F.col("left_by_at").isNull()
    ends_seen = F.col("has_entry").cast("int") + (~is_open).cast("int")
    has_evidence = F.col("stopped_at").isNotNull() | F.col("has_gap")
    calls = visits.select("*", "port.*").withColumns(
        {
            "port_call_id": event_id(F.col("segment_id"), F.col("arrived_at")),
            "departed_at": F.when(~is_open, F.col("last_at")),
            "is_open": is_open,
            "is_at_anchor": has_evidence & ~F.col("has_moored") & ~F.col("has_gap"),
            "confidence": F.when(has_evidence, 2 + ends_seen).when(ends_seen > 0, 1),
        }
    )
    return calls.where(F.col("confidence").isNotNull()).select(*PORT_CALL)
