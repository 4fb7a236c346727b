"""Parts of the voyage report that rest on positions and fuel days: port stays, fuel per mile, coverage."""

from __future__ import annotations

from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_jobs.inputs import Period
from batch_jobs.runs import Run, rows_of
from contracts.tables import GOLD_PORT_CALLS, SILVER_EMISSIONS
from lakehouse.transforms.lists import listed
from lakehouse.transforms.port_stays import port_stays
from lakehouse.transforms.sailings import ends_a_voyage
from lakehouse.transforms.voyage_fuel import fuel_by_route

STAY_COLUMNS = (
    "wpi_number", "locode", "port_name", "calls", "vessels", "median_hours", "median_stopped_hours", "calls_with_gap",
    "source",
)  # fmt: skip
FUEL_COLUMNS = ("route_id", "voyages", "fuel_days", "fuel_t", "distance_nm", "fuel_kg_per_nm", "method", "source")


def stays(run: Run, period: Period) -> list[dict[str, Any]]:
    """Ports by the calls that arrived in the period, each with one of them; none where positions were not looked at."""
    if not run.store.exists(GOLD_PORT_CALLS):
        return []
    calls = run.told(GOLD_PORT_CALLS)
    arrived_on = F.to_date("arrived_at")
    of_period = calls.filter((arrived_on >= period.start_on) & (arrived_on <= period.end_on))
    latest = of_period.where(ends_a_voyage()).groupBy("wpi_number").agg(F.max("port_call_id").alias("port_call_id"))
    return rows_of(port_stays(of_period).join(latest, "wpi_number").orderBy(F.desc("calls"), "port_name"))


def fuel(run: Run, written: DataFrame) -> list[dict[str, Any]]:
    """Routes by the fuel that a mile took; none without fuel days."""
    if not run.store.exists(SILVER_EMISSIONS):
        return []
    by_route = fuel_by_route(written, run.told(SILVER_EMISSIONS))
    return rows_of(by_route.orderBy(F.desc("fuel_days"), "route_id"))


def causes(written: DataFrame) -> list[dict[str, Any]]:
    """Late voyages by cause as it was reported."""
    late = written.filter("is_delayed").groupBy(F.coalesce("delay_cause", F.lit("not reported")).alias("delay_cause"))
    return rows_of(
        late.agg(
            F.count(F.lit(1)).alias("voyages"),
            F.sum("delay_hours").alias("delay_hours"),
            F.avg("delay_hours").alias("mean_delay_hours"),
        ).orderBy(F.desc("delay_hours"), "delay_cause")
    )


def coverage(written: DataFrame) -> list[dict[str, Any]]:
    """Voyages by how they are known, with how much of them was heard and how the miles compare."""
    is_both = F.col("distance_nm").isNotNull() & (F.col("basis") == "declared_and_sailed")
    apart = F.abs(F.col("sailed_distance_nm") - F.col("distance_nm")) / F.nullif("distance_nm", F.lit(0.0))
    known = written.withColumn("basis", F.coalesce("basis", F.lit("declared")))
    return rows_of(
        known.groupBy("basis")
        .agg(
            F.count(F.lit(1)).alias("voyages"),
            F.median("observed_share").alias("observed_share"),
            F.median("interpolated_share").alias("interpolated_share"),
            F.sum("sailed_distance_nm").alias("sailed_distance_nm"),
            F.median(F.when(is_both, apart)).alias("distance_apart"),
            listed("source").alias("source"),
        )
        .orderBy("basis")
    )
