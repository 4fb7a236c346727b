"""Voyages as operators declare them beside voyages as ships sailed them, and those that nobody declared."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts.fuel_model import PHASES
from contracts.tables import SILVER_VOYAGES
from lakehouse.transforms.intervals import hours_between

NEVER = "9999-12-31"
MOST_SHARED = 0.5
"""A sailing that spends more of its time in a declared voyage of its ship is not taken for an undeclared one."""
SAILED = {
    "sailing_id": "string", "sailed_departed_at": "timestamp", "sailed_arrived_at": "timestamp",
    "sailed_distance_nm": "double", "observed_share": "double", "interpolated_share": "double",
    **{f"{name}_hours": "double" for name in (*PHASES, "unknown")},
}  # fmt: skip
"""What a sailing tells of a voyage, with its type."""


def with_sailings(voyages: DataFrame, sailings: DataFrame | None) -> DataFrame:
    """Declared voyages with the sailing that fits each, and the sailings that nobody declared as voyages.

    A sailing fits a voyage of the same MMSI if they have time in common and their ports do not contradict each other.
    Of several the one that departs nearest in time is taken; none is taken twice.

    Args:
        voyages: ``silver.voyages`` that have departed; all that the sailings may be of.
        sailings: ``gold.sailings``; null where nobody has looked for any.

    Returns:
        ``silver.voyages`` with the columns of ``SAILED`` and ``basis``. A voyage that nobody declared has the id and
        the figures of its sailing, from rim to rim of its ports, no schedule and no IMO number.
    """
    if sailings is None:
        nothing = {name: F.lit(None).cast(kind) for name, kind in SAILED.items()}
        return voyages.withColumns(nothing | {"basis": F.lit("declared")})
    measures = sailings.select("sailing_id", *_measures())
    pairs = fitting(voyages, sailings)
    basis = F.when(F.col("sailing_id").isNull(), "declared").otherwise("declared_and_sailed")
    declared = voyages.join(pairs, "voyage_id", "left").join(measures, "sailing_id", "left").withColumn("basis", basis)
    others = undeclared(voyages, sailings, pairs)
    return declared.select(*SILVER_VOYAGES.columns, *SAILED, "basis").unionByName(others)


def fitting(voyages: DataFrame, sailings: DataFrame) -> DataFrame:
    """``voyage_id`` and ``sailing_id`` of those that belong together, each at most once."""
    apart_h = F.abs(hours_between(F.col("departed_at"), F.col("sailed_from_at")))
    candidates = _meeting(voyages, sailings).where(_may_be("from_locode") & _may_be("to_locode"))
    ranked = candidates.withColumn("apart_h", apart_h).withColumns(
        {
            "nth_of_voyage": F.row_number().over(Window.partitionBy("voyage_id").orderBy("apart_h", "sailing_id")),
            "nth_of_sailing": F.row_number().over(Window.partitionBy("sailing_id").orderBy("apart_h", "voyage_id")),
        }
    )
    return ranked.where("nth_of_voyage = 1 AND nth_of_sailing = 1").select("voyage_id", "sailing_id")


def undeclared(voyages: DataFrame, sailings: DataFrame, pairs: DataFrame) -> DataFrame:
    """The sailings that fit no voyage, and lie in none of their ship by more than half, as voyages."""
    shared_h = hours_between(F.greatest("departed_at", "sailed_from_at"), F.least("until_at", "sailed_until_at"))
    whole_h = hours_between(F.col("sailed_from_at"), F.col("sailed_until_at"))
    inside = _meeting(voyages, sailings).where(shared_h > MOST_SHARED * whole_h).select("sailing_id")
    known = pairs.select("sailing_id").unionByName(inside).distinct()
    status = F.when(F.col("is_open"), "in_progress").otherwise("arrived")
    as_voyage = {
        "voyage_id": F.col("sailing_id"), "imo_number": F.lit(None).cast("long"), "status": status,
        "scheduled_departure_at": F.lit(None).cast("timestamp"), "scheduled_arrival_at": F.lit(None).cast("timestamp"),
        "delay_cause": F.lit(None).cast("string"), "basis": F.lit("sailed"),
    }  # fmt: skip
    alone = sailings.join(known, "sailing_id", "left_anti")
    own = [name for name in SILVER_VOYAGES.columns if name not in as_voyage]
    return alone.select(
        *own, "sailing_id", *_measures(), *(value.alias(name) for name, value in as_voyage.items())
    ).select(*SILVER_VOYAGES.columns, *SAILED, "basis")


def _meeting(voyages: DataFrame, sailings: DataFrame) -> DataFrame:
    """Voyages, cancelled ones left out, and sailings of one MMSI that have time in common.

    A voyage without an arrival lasts until the ship's next departure; what goes on has no end yet.
    """
    never = F.lit(NEVER).cast("timestamp")
    following_at = F.lead("departed_at").over(Window.partitionBy("mmsi").orderBy("departed_at", "voyage_id"))
    declared = voyages.where(F.col("status") != "cancelled").select(
        "voyage_id",
        "mmsi",
        "departed_at",
        F.coalesce("arrived_at", following_at, never).alias("until_at"),
        "from_locode",
        "to_locode",
    )
    sailed = sailings.select(
        "sailing_id",
        "mmsi",
        F.col("departed_at").alias("sailed_from_at"),
        F.coalesce("arrived_at", never).alias("sailed_until_at"),
        F.col("from_locode").alias("sailed_from_locode"),
        F.col("to_locode").alias("sailed_to_locode"),
    )
    meets = (F.col("departed_at") < F.col("sailed_until_at")) & (F.col("sailed_from_at") < F.col("until_at"))
    return declared.join(sailed, "mmsi").where(meets)


def _may_be(port: str) -> Column:
    """True where the ports agree, or one of them is not told."""
    return F.coalesce(F.col(port) == F.col(f"sailed_{port}"), F.lit(True))


def _measures() -> list[Column]:
    renamed = {
        "departed_at": "sailed_departed_at", "arrived_at": "sailed_arrived_at",
        "berth_to_berth_nm": "sailed_distance_nm",
    }  # fmt: skip
    same = [name for name in SAILED if name not in renamed.values() and name != "sailing_id"]
    return [*(F.col(old).alias(new) for old, new in renamed.items()), *(F.col(name) for name in same)]
