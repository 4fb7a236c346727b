"""Which vessels, days and fuel days a change touches."""

from __future__ import annotations

from dataclasses import dataclass

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from batch_jobs.emission_news import News
from batch_jobs.emission_run import MODELLED
from batch_jobs.inputs import Period
from batch_jobs.runs import Run
from contracts.tables import GOLD_TRACK_FUEL, SILVER_EMISSIONS
from lakehouse.transforms.emissions import ROLLING_DAYS, vessel_id
from lakehouse.transforms.fuel_days import fuel_days


@dataclass(frozen=True, slots=True)
class Touched:
    """What is computed anew.

    Attributes:
        vessels: ``vessel_id``, ``from_on``, ``to_on``: days of ``gold.emission_compliance`` that may be others now.
        mmsis: ``mmsi`` of all that these vessels sailed under.
        days: All fuel days of the vessels, and of others that share an MMSI with them.
        own_days: Those of the vessels.
    """

    vessels: DataFrame
    mmsis: DataFrame
    days: DataFrame
    own_days: DataFrame


def touched_by(run: Run, found: News, period: Period) -> Touched:
    """What the news touch: their own vessels, and those that share an MMSI or a voyage with them."""
    sources = [run.read(SILVER_EMISSIONS)]
    if MODELLED in run.arguments:
        sources.append(run.read(GOLD_TRACK_FUEL))
    pairs = [rows.select("mmsi", "imo_number").distinct() for rows in sources]
    known = pairs[0] if len(pairs) == 1 else pairs[0].unionByName(pairs[1]).distinct()
    known = run.store.kept(known.withColumn("vessel_id", vessel_id()))
    vessels = run.store.kept(_vessels(found, known, period))
    own = known.join(vessels, "vessel_id", "left_semi").select("mmsi")
    mmsis = own.unionByName(found.days.select("mmsi")).unionByName(found.voyages.select("mmsi")).distinct()
    mmsis = run.store.kept(mmsis)
    wanted = known.join(mmsis, "mmsi", "left_semi").select("vessel_id").distinct()
    theirs = known.join(wanted, "vessel_id", "left_semi").select("mmsi").distinct()
    read = F.broadcast(run.store.kept(known.join(theirs, "mmsi", "left_semi").drop("vessel_id")))
    # As literals, so that Delta leaves files, and Parquet parts of files, without them unread.
    span = F.col("mmsi").between(*read.agg(F.min("mmsi"), F.max("mmsi")).collect()[0])
    of = [rows.where(span).join(read, _same_pair(rows, read), "left_semi") for rows in sources]
    days = of[0] if len(of) == 1 else fuel_days(*of)
    days = run.store.kept(days)
    own_days = days.withColumn("vessel_id", vessel_id()).join(vessels, "vessel_id", "left_semi").drop("vessel_id")
    return Touched(vessels, mmsis, days, run.store.kept(own_days))


def _same_pair(rows: DataFrame, pairs: DataFrame) -> Column:
    return (rows["mmsi"] == pairs["mmsi"]) & rows["imo_number"].eqNullSafe(pairs["imo_number"])


def _vessels(found: News, known: DataFrame, period: Period) -> DataFrame:
    """Vessels of changed days, and those that share an MMSI with them: of these a modelled day may come or go."""
    day = F.col("reported_on")
    own = found.days.select(vessel_id().alias("vessel_id"), day)
    sharing = found.days.select("mmsi", day).join(known, "mmsi").select("vessel_id", day)
    year_end = F.make_date(F.year(day), F.lit(12), F.lit(31))
    of_days = own.unionByName(sharing).select(
        "vessel_id", day.alias("from_on"), F.greatest(F.date_add(day, max(ROLLING_DAYS) - 1), year_end).alias("to_on")
    )
    of_ships = found.ships.select(
        F.col("imo_number").alias("vessel_id"),
        F.lit(period.start_on).alias("from_on"),
        F.lit(period.end_on).alias("to_on"),
    )
    spans = of_days.unionByName(of_ships).groupBy("vessel_id")
    return spans.agg(F.min("from_on").alias("from_on"), F.max("to_on").alias("to_on"))
