"""Carbon intensity of a fleet: its CO2 by its transport work, deadweight and gross tonnage apart. Pure."""

from __future__ import annotations

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from lakehouse.transforms.cii import G_PER_T

AMBITION_CUT_PCT = 40
"""CO2 per transport work by 2030 against 2008, for all international shipping together (MEPC.377(80))."""


def fleet_intensity(years: DataFrame) -> DataFrame:
    """CO2 by transport work of the rated ships of a year together.

    Args:
        years: ``gold.emission_year``.

    Returns:
        One row per calendar year and ``capacity_unit``: ``vessels``, ``co2_year_t``, ``transport_work`` (capacity times
        nm) and ``fleet_intensity``, gCO2 per capacity and nm. Transport work is by capacity, full or empty, not by
        cargo carried. Tonnes and gross tonnage are never added up.
    """
    work = F.sum(F.col("capacity") * F.col("distance_year_nm"))
    return (
        years.where("cii_rating IS NOT NULL")
        .groupBy("year", "capacity_unit")
        .agg(F.count("*").alias("vessels"), F.sum("co2_year_t").alias("co2_year_t"), work.alias("transport_work"))
        .withColumn("fleet_intensity", F.col("co2_year_t") * G_PER_T / F.nullif("transport_work", F.lit(0.0)))
    )


def cut_since_2008_pct(fleet_intensity: float, baseline: float) -> float:
    """By how many per cent the intensity is below that of 2008; negative where it is above.

    >>> round(cut_since_2008_pct(6.0, 10.0), 9)
    40.0
    """
    return (1 - fleet_intensity / baseline) * 100
