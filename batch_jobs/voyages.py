"""``maritime-voyages``: voyages of a period, against their schedule and by route."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import click
from deltalake import DeltaTable
from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_jobs import inputs, tracks, voyage_report
from batch_jobs.runs import Run, rows_of, tell, tell_plan, timed
from contracts import fields as f
from contracts.settings import Settings, load_settings
from contracts.tables import (
    GOLD_ROUTE_PERFORMANCE,
    GOLD_SAILINGS,
    GOLD_VOYAGE_ANALYTICS,
    SILVER_POSITIONS,
    SILVER_VOYAGES,
)
from infra.console import Command, json_option
from lakehouse.runs import recorded
from lakehouse.schema import spark_schema
from lakehouse.transforms.voyages import ROUTE_WINDOW_DAYS, route_performance, voyage_analytics

NEEDED = [field for field in SILVER_VOYAGES.fields if field != f.SCHEDULED_DEPARTURE_AT]
SHOWN_VOYAGES = ("voyage_id", "route_id", "departed_on", "duration_hours", "delay_hours", "source")
SHOWN_ROUTES = ("route_id", "voyages", "delayed_share", "mean_delay_hours", "mean_speed_kn", "source")


@click.command("voyages", cls=Command)
@click.option("--input", "input_path", help="Delta table of voyages; default: silver/voyages of the lake.")
@click.option("--output", "output_path", help="Delta table to write; default: gold/voyage_analytics of the lake.")
@click.option("--start-date", help="First day of departure, as 2024-01-01; default: the first there is.")
@click.option("--end-date", help="Last day of departure, included; default: the last there is.")
@click.option("--report", "report_folder", type=click.Path(path_type=Path), help="Folder of the report files.")
@click.option("--declared-only", is_flag=True, help="Take voyages as they were declared, and look at no positions.")
@click.option("--dry-run", is_flag=True, help="Check everything, write nothing.")
@json_option
def main(
    input_path: str | None,
    output_path: str | None,
    start_date: str | None,
    end_date: str | None,
    report_folder: Path | None,
    declared_only: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Measure voyages against their schedule: duration, delay, speed, and each route's share of late arrivals.

    A voyage is late when it arrives after its scheduled instant; there is no tolerance. The days are days of
    departure, and a run replaces exactly these days in the output. The table route_performance is written beside it.

    Where the lake holds positions, maritime-tracks is run first: what ships sailed stands beside what was declared,
    and voyages that nobody declared are voyages too.
    """
    settings = load_settings()
    has_positions = not declared_only and DeltaTable.is_deltatable(f"{settings.lake}/{SILVER_POSITIONS.path}")
    source_path = input_path or f"{settings.lake}/{SILVER_VOYAGES.path}"
    target = output_path or f"{settings.lake}/{GOLD_VOYAGE_ANALYTICS.path}"
    routes_target = f"{target.rstrip('/').rpartition('/')[0]}/route_performance"
    source = _declared(source_path, needed=input_path is not None or not has_positions)
    for path, table in ((target, GOLD_VOYAGE_ANALYTICS), (routes_target, GOLD_ROUTE_PERFORMANCE)):
        inputs.check_output(path, table, source)
    inputs.days_asked(start_date, end_date)
    if has_positions and not dry_run:
        tracks.bring_up_to_date(settings)
    if has_positions and DeltaTable.is_deltatable(f"{settings.lake}/{GOLD_SAILINGS.path}"):
        source = _with_sailed(source, settings)
    period = inputs.period_in(source, start_date, end_date)
    arguments = {"input": source.path, "output": target, "start_date": period.start_on, "end_date": period.end_on}
    if dry_run:
        tell_plan(arguments, source.files_in(period), as_json=as_json)
        return

    places = {
        SILVER_VOYAGES.name: source.path,
        GOLD_VOYAGE_ANALYTICS.name: target,
        GOLD_ROUTE_PERFORMANCE.name: routes_target,
    }
    with recorded(Run, "voyages", arguments, settings, places) as run:
        with timed(run):
            compute(run, source, period, with_positions=has_positions)
        results, facts = summarise(run, period)
        run.reports = voyage_report.write(run, period, report_folder or settings.reports)
    tell(run, results, facts, as_json=as_json)


def _declared(path: str, *, needed: bool) -> inputs.Source:
    """The declared voyages; none where nobody declares any and that need not be.

    Raises:
        InputError: There is no such table and it is needed, or it lacks a column.
    """
    if not needed and not DeltaTable.is_deltatable(path):
        return inputs.Source(path, ())
    return inputs.read_log(path, SILVER_VOYAGES, NEEDED, f.DEPARTED_ON)


def _with_sailed(source: inputs.Source, settings: Settings) -> inputs.Source:
    """The same with the days of the voyages as sailed."""
    sailed = inputs.read_log(f"{settings.lake}/{GOLD_SAILINGS.path}", GOLD_SAILINGS, (), f.DEPARTED_ON)
    return inputs.Source(source.path, (*source.files, *sailed.files))


def compute(run: Run, source: inputs.Source, period: inputs.Period, *, with_positions: bool) -> None:
    """Read the period and what its rolling values and sailings need besides, measure, and replace the period's days.

    Raises:
        InputError: No voyage departed in the period.
    """
    day = F.col("departed_on")
    earliest = period.start_on - timedelta(days=ROUTE_WINDOW_DAYS - 1)
    known = _voyages(run)
    voyages = known.filter((day >= earliest) & (day <= period.end_on))
    sailings = None
    if with_positions:  # a declared voyage and its sailing may depart on two days, and a long one began long before
        sailings = run.read(GOLD_SAILINGS).filter((day >= earliest) & (day <= period.end_on))
        goes_on = F.coalesce("arrived_at", F.lit(period.end_on)) >= F.lit(earliest)
        voyages = known.filter(goes_on & (day <= period.end_on + timedelta(days=1)))
    rows = run.load(voyages, f.DEPARTED_ON, period, source)
    if not rows and (sailings is None or sailings.filter(period.where(f.DEPARTED_ON)).isEmpty()):
        raise inputs.no_rows(source, period)
    analytics = voyage_analytics(voyages, sailings).filter(period.where(f.DEPARTED_ON))
    run.write(GOLD_VOYAGE_ANALYTICS, analytics, {"departed_on": (period.start_on, period.end_on)})
    written = run.read(GOLD_VOYAGE_ANALYTICS).filter(period.where(f.DEPARTED_ON))
    same_period = {"start_on": (period.start_on, period.start_on), "end_on": (period.end_on, period.end_on)}
    routes = route_performance(written, period.start_on, period.end_on)
    run.write(GOLD_ROUTE_PERFORMANCE, routes, same_period)


def _voyages(run: Run) -> DataFrame:
    """The declared voyages; none where nobody declares any."""
    if run.store.exists(SILVER_VOYAGES):
        return run.read(SILVER_VOYAGES)
    return run.store.spark.createDataFrame([], spark_schema(SILVER_VOYAGES))


def summarise(run: Run, period: inputs.Period) -> tuple[dict[str, list[dict[str, Any]]], dict[str, Any]]:
    """Latest late voyages and busiest routes, and the totals, as written."""
    written = run.store.read(GOLD_VOYAGE_ANALYTICS).filter(period.where(f.DEPARTED_ON))
    totals = rows_of(
        written.agg(
            F.count("*").alias("voyages"),
            F.count("arrived_at").alias("arrived"),
            F.count("is_delayed").alias("judged_against_schedule"),
            F.count_if("is_delayed").alias("delayed"),
            F.avg("delay_hours").alias("mean_delay_hours"),
            F.count("sailing_id").alias("seen_in_positions"),
            F.count_if(F.col("basis") == "sailed").alias("not_declared"),
        )
    )[0]
    run.rows_written = totals["voyages"]
    undeparted = _voyages(run).filter("departed_on IS NULL").count()
    worst = written.filter("is_delayed").orderBy(F.desc("delay_hours"), "voyage_id").select(*SHOWN_VOYAGES)
    routes = (
        run.store.read(GOLD_ROUTE_PERFORMANCE)
        .filter((F.col("start_on") == period.start_on) & (F.col("end_on") == period.end_on))
        .orderBy(F.desc("voyages"), "route_id")
        .select(*SHOWN_ROUTES)
    )
    results = {"most_delayed_voyages": rows_of(worst.limit(10)), "busiest_routes": rows_of(routes.limit(10))}
    return results, {**totals, "not_departed_and_left_out": undeparted}
