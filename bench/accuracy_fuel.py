"""How right modelled fuel is: CO2 by mile of each registered ship, from its positions alone, against what it burnt."""

from __future__ import annotations

import gzip
import json
import math
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts.fields import FUEL_KINDS
from contracts.fuel_model import load_fuel_model
from contracts.regulation import load_regulation
from contracts.regulation.emission_control_areas import control_areas
from contracts.settings import Settings
from contracts.tables import SILVER_SHIP_REGISTER
from lakehouse.schema import spark_schema
from lakehouse.transforms.modelled_days import modelled_days, ships_to_model
from lakehouse.transforms.track_draughts import told_draughts, with_draught
from lakehouse.transforms.track_identity import PARTICULARS
from lakehouse.transforms.track_intervals import track_intervals

REPORT = {"mmsi": pl.Int64, "observed_at_ms": pl.Int64, "imo_number": pl.Int64, "draught_m": pl.Float64}


def static_reports(folder: Path, share: float, seed: int) -> pl.DataFrame:
    """So large a share of the twin's static reports, as ``silver.identities`` tells of who and how deep."""
    with gzip.open(folder / "ais.jsonl.gz", "rt") as lines:
        rows = pl.DataFrame([json.loads(line) for line in lines if '"event_type":"static"' in line], REPORT)
    some = rows.filter(pl.Series(np.random.default_rng([seed, 2]).random(len(rows)) < share))
    return some.select(
        "mmsi", pl.col("imo_number").cast(pl.String).alias("identity_id"),
        pl.col("observed_at_ms").cast(pl.Datetime("ms", "UTC")).alias("observed_at"), "draught_m",
    )  # fmt: skip


def co2_by_mile(folder: Path) -> dict[int, float]:
    """What each ship of the register really emitted, in tonnes of CO2 by mile of its log, by IMO number."""
    factors = {row.fuel_kind: row.co2_t_per_t for row in load_regulation().co2_factors}
    days = pl.read_csv(folder / "truth/fuel_by_day.csv")
    fuels = [pl.col(f"fuel_{kind}_t") * factors[kind] for kind in FUEL_KINDS if f"fuel_{kind}_t" in days.columns]
    sums = (
        days.with_columns(pl.sum_horizontal(fuels).alias("co2_t")).group_by("mmsi").agg(pl.sum("co2_t", "distance_nm"))
    )
    named = sums.join(pl.read_csv(folder / "register.csv").select("mmsi", "imo_number"), "mmsi")
    by_mile = named.filter(pl.col("distance_nm") > 0).select("imo_number", pl.col("co2_t") / pl.col("distance_nm"))
    return dict(by_mile.rows())


def fuel_facts(
    spark: SparkSession, placed: DataFrame, reports: pl.DataFrame, ship_of: dict[str, int], folder: Path
) -> dict[str, Any]:
    """CO2 by mile as it is modelled, against the truth.

    Args:
        spark: Where it is reckoned.
        placed: Positions by track with ``is_tanker`` and ``port_km``.
        reports: Of `static_reports`.
        ship_of: IMO number by track.
        folder: Of the twin.

    Returns:
        ``ships``; their error in per cent at the median, the worst, and with its sign at the median; and the share of
        them of which the truth lies within the error that the settings state for modelled fuel.
    """
    stated = Settings().fuel_error_pct
    found = _modelled(spark, placed, reports, ship_of, folder).groupBy("imo_number").agg(
        F.sum("co2_t").alias("co2_t"), F.sum("distance_nm").alias("nm"),
        F.sum(F.when(F.col("quality") == "medium", F.col("co2_t")).otherwise(0.0)).alias("medium_co2_t"),
    )  # fmt: skip
    truth, errors, inside = co2_by_mile(folder), [], []
    for row in found.where("nm > 0").collect():
        off = math.log(row.co2_t / row.nm / truth[row.imo_number])
        error_pct = (row.medium_co2_t * stated[1] + (row.co2_t - row.medium_co2_t) * stated[2]) / row.co2_t
        errors.append(100 * (math.exp(off) - 1))
        inside.append(abs(off) <= error_pct / 100)
    return {
        "ships": len(errors), "median_pct": round(median(map(abs, errors)), 2), "bias_pct": round(median(errors), 2),
        "worst_pct": round(max(map(abs, errors)), 2), "within_stated": round(sum(inside) / len(inside), 3),
    }  # fmt: skip


def _modelled(
    spark: SparkSession, placed: DataFrame, reports: pl.DataFrame, ship_of: dict[str, int], folder: Path
) -> DataFrame:
    """The rows of ``gold.track_fuel``, made as `lakehouse.track_fuel` makes them."""
    model, settings = load_fuel_model(), Settings()
    schema = spark_schema(SILVER_SHIP_REGISTER)
    register = spark.read.csv(str(folder / "register.csv"), header=True, schema=schema)
    named = spark.createDataFrame([(track, ship, str(ship)) for track, ship in ship_of.items()],
                                  "track_id string, imo_number long, identity_id string")  # fmt: skip
    nothing = {name: F.lit(None).cast("double") for name in (*PARTICULARS, "draught_m", "sog_kn")}
    ships = ships_to_model(named.withColumns(nothing), register, model).localCheckpoint()
    of = placed.select("mmsi", F.col("segment_id").alias("track_id")).distinct()
    path = folder / "reports.parquet"
    reports.write_parquet(path)
    draughts = told_draughts(of.join(named, "track_id"), spark.read.parquet(str(path)), ships)
    intervals = track_intervals(placed, control_areas(), settings.jump_limit_kn)
    return modelled_days(with_draught(intervals, draughts), ships, model, load_regulation())
