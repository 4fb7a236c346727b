"""Gold rows that accepted events change: the streams' and reports' own functions, before and after. Pure.

A row counts where it is new or holds another value. What is asked of a report is asked of all its days.
"""

from __future__ import annotations

from collections.abc import Iterable

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.regulation import Regulation
from lakehouse.transforms.emissions import emission_compliance
from lakehouse.transforms.features import vessel_features
from lakehouse.transforms.vessel_day import POSITION, recomputed
from lakehouse.transforms.voyages import voyage_analytics
from lakehouse.transforms.voyages_silver import emission_days, touched, voyages

DECIMALS = 6
"""To which measures are compared: sums of the same numbers in another order differ in their last digits."""


def changed_days(positions: DataFrame, accepted: DataFrame, jump_limit_kn: float) -> DataFrame:
    """Rows of ``gold.vessel_day``.

    Args:
        positions: ``silver.positions`` before, of the accepted ones' days and the days around them.
        accepted: Positions that come to it.
        jump_limit_kn: Fastest speed that a vessel can have.
    """
    days = accepted.select("segment_id", "observed_on").distinct()
    before = positions.select(*POSITION)
    after = before.unionByName(accepted.select(*POSITION))
    return differing(recomputed(days, before, jump_limit_kn), recomputed(days, after, jump_limit_kn))


def changed_latest(latest: DataFrame, accepted: DataFrame) -> DataFrame:
    """Rows of ``gold.vessel_latest``: segments with a newer position than it knows."""
    known = latest.select("segment_id", F.col("observed_at").alias("known_at"))
    newest = accepted.groupBy("segment_id").agg(F.max("observed_at").alias("newest_at"))
    return newest.join(known, on="segment_id", how="left").where("known_at IS NULL OR newest_at > known_at")


def voyages_with(table: DataFrame, events: DataFrame, accepted: DataFrame) -> tuple[DataFrame, DataFrame]:
    """``silver.voyages`` before and after.

    Args:
        table: The table, of which only the voyages that are not touched are taken.
        events: ``silver.voyage_events`` before.
        accepted: Events that come to it, in its columns.
    """
    others = table.join(accepted.select("voyage_id").distinct(), on="voyage_id", how="left_anti")
    before, _ = touched(events, accepted)
    after, _ = touched(events.unionByName(accepted), accepted)
    return others.unionByName(voyages(before)), others.unionByName(voyages(after))


def fuel_days_with(table: DataFrame, events: DataFrame, accepted: DataFrame) -> tuple[DataFrame, DataFrame]:
    """``silver.emissions`` before and after; the arguments are those of ``voyages_with``."""
    _, before = touched(events, accepted)
    _, after = touched(events.unionByName(accepted), accepted)
    days = after.select("mmsi", "reported_on").distinct()
    others = table.join(days, on=["mmsi", "reported_on"], how="left_anti")
    return others.unionByName(emission_days(before)), others.unionByName(emission_days(after))


def changed_voyages(before: DataFrame, after: DataFrame) -> DataFrame:
    """Rows of ``gold.voyage_analytics``, also of other voyages of the route in the seven days."""
    return differing(voyage_analytics(before), voyage_analytics(after))


def changed_compliance(
    before: DataFrame, after: DataFrame, register: DataFrame, regulation: Regulation, years: Iterable[int]
) -> DataFrame:
    """Rows of ``gold.emission_compliance`` of these years, also later days of the vessel."""
    chosen = list(years)
    then, now = (
        emission_compliance(days, register, regulation, chosen).where(F.year("reported_on").isin(chosen))
        for days in (before, after)
    )
    return differing(then, now)


def changed_features(before: tuple[DataFrame, DataFrame], after: tuple[DataFrame, DataFrame]) -> DataFrame:
    """Rows of ``gold.vessel_features``, from sensors and voyages before and after."""
    return differing(vessel_features(*before), vessel_features(*after))


def differing(before: DataFrame, after: DataFrame) -> DataFrame:
    """Rows of ``after`` that ``before`` does not have."""
    measures = [name for name, kind in before.dtypes if kind == "double"]
    rounded = {name: F.round(name, DECIMALS) for name in measures}
    return after.withColumns(rounded).exceptAll(before.withColumns(rounded))
