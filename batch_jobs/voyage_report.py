"""The report of a voyages run, read from what the run wrote."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_jobs import charts, sailed_report, traffic, voyage_map, voyage_trails
from batch_jobs.inputs import Period
from batch_jobs.reports import plot, source_note, write_csv, write_page, write_parquet
from batch_jobs.runs import Run, rows_of
from contracts import fields as f
from contracts.ports import ports
from contracts.tables import GOLD_ROUTE_PERFORMANCE, GOLD_SAILINGS, GOLD_VOYAGE_ANALYTICS
from lakehouse.transforms.rolling import last_days
from lakehouse.transforms.voyages import ROUTE_WINDOW_DAYS

SHOWN = 40
NO_VOYAGES = (
    "AIS positions declare no voyages: what these ships sailed is not judged against a schedule. It is in the figures "
    "above where a voyage began in a port of the index."
)
LATE_BINS = ((0, 6), (6, 12), (12, 24), (24, 48), (48, 96), (96, None))
"""Hours after schedule, above the first up to and with the second."""


def write(run: Run, period: Period, folder: Path) -> list[Path]:
    """Write the HTML page, the voyages as CSV and Parquet, and the CSV files of its parts; returns their paths."""
    written = run.told(GOLD_VOYAGE_ANALYTICS).filter(period.where(f.DEPARTED_ON))
    routes = _routes(run, period)
    late = rows_of(written.filter("is_delayed").orderBy(F.desc("delay_hours"), "voyage_id").limit(1_000))
    totals, seen = _totals(written), traffic.heard(run, NO_VOYAGES)
    stays, fuel = sailed_report.stays(run, period), sailed_report.fuel(run, written)
    name = f"voyages_{period.start_on}_{period.end_on}"
    voyages = written.orderBy("departed_on", "voyage_id").toArrow()
    sea = voyage_map.draw(run, period) if run.store.exists(GOLD_SAILINGS) else None
    delays = _histogram(written)
    content = {
        "title": "Voyage report",
        "period": str(period),
        "input": run.arguments["input"],
        "output": run.arguments["output"],
        "sources": source_note(
            [*filter(None, totals["sources"]), *traffic.names(seen), *(row["source"] for row in (*stays, *fuel))]
        ),
        "traffic": seen,
        "totals": totals,
        "routes": [{**route, "named": _named(route["route_id"])} for route in routes],
        "worst": late[:20],
        "causes": sailed_report.causes(written),
        "coverage": sailed_report.coverage(written),
        "stays": stays,
        "fuel": fuel,
        "sea": sea,
        "sea_plot": plot(sea["svg"]) if sea else None,
        "shown": SHOWN,
        "delays": delays,
        "weeks_plot": plot(_weeks_plot(_on_time_share(written))) if totals["judged"] else None,
        "delay_plot": plot(_delay_plot(delays)) if totals["judged"] else None,
    }
    content["trails"] = voyage_trails.trails(run, period, content)
    page = write_page(folder / f"{name}.html", "voyages.html.j2", **content)
    return [
        page,
        write_csv(folder / f"{name}_routes.csv", GOLD_ROUTE_PERFORMANCE.columns, routes),
        write_csv(folder / f"{name}_late.csv", GOLD_VOYAGE_ANALYTICS.columns, late),
        write_csv(folder / f"{name}_voyages.csv", GOLD_VOYAGE_ANALYTICS.columns, voyages.to_pylist()),
        write_parquet(folder / f"{name}_voyages.parquet", GOLD_VOYAGE_ANALYTICS, voyages.to_pylist()),
        write_csv(folder / f"{name}_port_stays.csv", sailed_report.STAY_COLUMNS, stays),
        write_csv(folder / f"{name}_fuel.csv", sailed_report.FUEL_COLUMNS, fuel),
    ]


def _routes(run: Run, period: Period) -> list[dict[str, Any]]:
    of_period = (F.col("start_on") == period.start_on) & (F.col("end_on") == period.end_on)
    routes = run.told(GOLD_ROUTE_PERFORMANCE).filter(of_period)
    return rows_of(routes.orderBy(F.desc("voyages"), "route_id"))


def _totals(written: DataFrame) -> dict[str, Any]:
    return rows_of(
        written.agg(
            F.count("*").alias("voyages"),
            F.count("arrived_at").alias("arrived"),
            F.count("is_delayed").alias("judged"),
            (1 - F.avg(F.col("is_delayed").cast("int"))).alias("on_time_share"),
            F.avg("delay_hours").alias("mean_delay_hours"),
            F.count_if(F.col("status") == "in_progress").alias("in_progress"),
            F.count_if(F.col("status") == "cancelled").alias("cancelled"),
            F.count_if(F.col("basis") == "sailed").alias("not_declared"),
            F.collect_set("source").alias("sources"),
        )
    )[0]


def _named(route_id: str) -> str:
    """Names of the route's ports; nothing where one of them has no UN/LOCODE of the index."""
    index = ports()
    codes = route_id.split("-")
    return " to ".join(index[code].name for code in codes) if all(code in index for code in codes) else ""


def _on_time_share(written: DataFrame) -> dict[date, float]:
    """Per cent on time of all routes over seven calendar days, by day of departure."""
    week = last_days(ROUTE_WINDOW_DAYS, "departed_on", of=F.lit(1))
    by_day = written.groupBy("departed_on").agg(
        F.count("is_delayed").alias("judged"), F.count_if(~F.col("is_delayed")).alias("on_time")
    )
    judged = F.sum("judged").over(week)
    share = by_day.withColumn("share", 100 * F.sum("on_time").over(week) / F.nullif(judged, F.lit(0)))
    return {
        row["departed_on"]: row["share"] for row in rows_of(share.orderBy("departed_on")) if row["share"] is not None
    }


def _weeks_plot(share: dict[date, float]) -> str:
    about = f"Per cent of voyages on time over seven days, from {min(share)} to {max(share)}"
    return charts.days({"on time, seven days": share}, "per cent on time", about, top=100)


def _delay_plot(delays: dict[str, float]) -> str:
    about = "Voyages by hours late: " + ", ".join(f"{name} {count}" for name, count in delays.items())
    return charts.bars(delays, "hours late", "voyages", about)


def _histogram(written: DataFrame) -> dict[str, float]:
    hours = F.col("delay_hours")
    counts = {"on time": F.count_if(hours == 0)}
    for above, up_to in LATE_BINS:
        inside = hours > above if up_to is None else (hours > above) & (hours <= up_to)
        counts[f"over {above}" if up_to is None else f"{above} to {up_to}"] = F.count_if(inside)
    return rows_of(written.agg(*(count.alias(name) for name, count in counts.items())))[0]
