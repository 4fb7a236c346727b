"""The compliance report of an emissions run, read from what the run wrote."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_jobs import charts, emission_trails, traffic
from batch_jobs.inputs import Period
from batch_jobs.reports import plot, source_note, write_csv, write_page
from batch_jobs.runs import Run, many_rows_of, rows_of
from contracts import fields as f
from contracts.regulation import RATINGS, Regulation
from contracts.tables import GOLD_EMISSION_COMPLIANCE
from lakehouse.transforms.emissions import TARGET_YEAR, vessel_id
from lakehouse.transforms.lists import listed

ESTIMATE = "These ratings are an estimate, not a verified rating."
NO_FUEL = (
    "Where maritime-tracks has run, their fuel is modelled from these positions. A ship that had to be guessed is "
    "never rated."
)
SHOWN = 40
DRAWN_DAYS = 366
STATE = (
    "mmsi", "reported_on", "cii_ship_type", "capacity", "capacity_unit", "co2_ytd_t", "distance_ytd_nm",
    "cii_attained_ytd", "cii_required", "cii_rating_ytd", "cii_required_2030", "cii_rating_2030", "is_over_limit",
    "is_over_limit_2030", "scope_note", "regulation_version",
)  # fmt: skip
VESSEL = ("vessel", "year")
RESTS_ON = ("days", "methods", "qualities", "source")
COLUMNS = ("imo_number", "year", *STATE, *RESTS_ON, "statement")

ORIGIN = ("method", "quality", "source")

Ship = dict[str, Any]


def fleet(run: Run, period: Period) -> list[Ship]:
    """Each vessel and calendar year as its last day in the period leaves it, with what its days rest on."""
    days = _written(run, period).withColumns({"vessel": vessel_id(), "year": F.year("reported_on")})
    # The last days first, and few columns of all days: to keep the latest row of each vessel costs a copy a day.
    known = days.select(*VESSEL, "imo_number", *STATE)
    of_last_day = F.broadcast(_last_days(days)).join(known, [*VESSEL, "reported_on"])
    state = F.max_by(F.struct("imo_number", *STATE), "mmsi").alias("state")
    ships = of_last_day.groupBy(*VESSEL, *RESTS_ON).agg(state).select("year", "state.*", *RESTS_ON)
    found = ships.orderBy("imo_number", "mmsi", "year")
    return [{**ship, "statement": ESTIMATE} for ship in many_rows_of(found)]


def _last_days(days: DataFrame) -> DataFrame:
    """The last day of each vessel's year, how many there are, and what they rest on."""
    parts = days.groupBy(*VESSEL, *ORIGIN).agg(F.max("reported_on").alias("reported_on"), F.count("*").alias("days"))
    return parts.groupBy(*VESSEL).agg(
        F.max("reported_on").alias("reported_on"),
        F.sum("days").alias("days"),
        listed("method").alias("methods"),
        listed("quality").alias("qualities"),
        listed("source").alias("source"),
    )


def excess(ship: Ship) -> float:
    """How far a rated ship's attained CII is above its limit, as a multiple of the limit."""
    return float(ship["cii_attained_ytd"] / ship["cii_required"])


def rating_counts(ships: Sequence[Ship]) -> list[dict[str, Any]]:
    """Vessels by rating, now and under the limit of 2030."""
    now, later = (Counter(ship[name] for ship in ships) for name in ("cii_rating_ytd", "cii_rating_2030"))
    return [{"rating": letter, "so_far": now[letter], "under_2030_limit": later[letter]} for letter in RATINGS]


def write(
    run: Run,
    period: Period,
    ships: list[Ship],
    regulation: Regulation,
    folder: Path,
    of_years: Mapping[str, Any],
) -> list[Path]:
    """Write the HTML page and the CSV files of the fleet and of vessels over a limit; returns their paths.

    Args:
        run: The run that wrote the tables.
        period: Days asked for.
        ships: Of `fleet`.
        regulation: What was rated by.
        folder: Where the files go.
        of_years: What the page tells of calendar years, of `year_report.content`.
    """
    rated = sorted((ship for ship in ships if ship["cii_rating_ytd"]), key=excess, reverse=True)
    over = [ship for ship in rated if ship["is_over_limit"]]
    over_2030 = [ship for ship in rated if ship["is_over_limit_2030"]]
    sums = _sums(run, period)
    co2, seen = _daily(sums), traffic.heard(run, NO_FUEL)
    drawn = _last_year(co2)
    name = f"emissions_{run.arguments['compliance_check']}_{period.start_on}_{period.end_on}"
    content = {
        "title": "Emission compliance report",
        "period": str(period),
        "input": run.arguments["input"],
        "output": run.arguments["output"],
        "estimate": ESTIMATE,
        "sources": source_note([*(ship["source"] for ship in ships), *traffic.names(seen)]),
        "traffic": seen,
        "totals": {"co2_t": sum(co2.values()), "first_on": min(co2), "last_on": max(co2)},
        "fleet": ships,
        "rated": rated,
        "over": over,
        "over_2030": over_2030,
        "later": [ship for ship in over_2030 if not ship["is_over_limit"]],
        "unrated_count": len(ships) - len(rated),
        "origins": _origins(sums),
        "shown": SHOWN,
        "regulation": regulation,
        "reduction_2030": regulation.reduction_pct(TARGET_YEAR) if TARGET_YEAR in regulation.years else None,
        "least_gt": regulation.scope("least_gross_tonnage", period.end_on.year),
        "rating_plot": plot(_rating_plot(rated)),
        **of_years,
        "co2_plot": plot(_co2_plot(drawn)),
        "undrawn_days": len(co2) - len(drawn),
        "last_day": max(co2.items()),
    }
    content["trails"] = emission_trails.trails(run, period, content)
    page = write_page(folder / f"{name}.html", "emissions.html.j2", **content)
    return [
        page,
        write_csv(folder / f"{name}_fleet.csv", COLUMNS, ships),
        write_csv(folder / f"{name}_over_limit.csv", COLUMNS, over),
        write_csv(folder / f"{name}_over_limit_2030.csv", COLUMNS, over_2030),
    ]


def _rating_plot(rated: Sequence[Ship]) -> str:
    now, later = (Counter(ship[name] for ship in rated) for name in ("cii_rating_ytd", "cii_rating_2030"))
    about = f"Rated vessels and years by rating: {_spoken(now)}; under the limit of 2030: {_spoken(later)}"
    return charts.rating_pairs(now, later, ("limit of the year", "limit of 2030"), "vessels and years", about)


def _spoken(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{letter} {counts[letter]}" for letter in RATINGS)


def _co2_plot(co2: dict[date, float]) -> str:
    about = f"Tonnes of CO2 a day, from {min(co2)} to {max(co2)}: at most {max(co2.values()):,.0f}"
    return charts.days({"each day": co2, "mean of seven days": _week_mean(co2)}, "t CO2", about)


def _last_year(co2: dict[date, float]) -> dict[date, float]:
    """The days that a plot has room for: a year up to the last one."""
    since = max(co2) - timedelta(days=DRAWN_DAYS - 1)
    return {day: co2_t for day, co2_t in co2.items() if day >= since}


def _written(run: Run, period: Period) -> DataFrame:
    return run.told(GOLD_EMISSION_COMPLIANCE).filter(period.where(f.REPORTED_ON))


def _sums(run: Run, period: Period) -> list[dict[str, Any]]:
    """Vessel days and CO2 by day, method, quality and source: all that the page tells of days, in one look at them."""
    groups = _written(run, period).groupBy("reported_on", *ORIGIN)
    return rows_of(groups.agg(F.count("*").alias("vessel_days"), F.sum("co2_t").alias("co2_t")))


def _origins(sums: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What the figures rest on, by source."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in sums:
        origin = {name: row[name] for name in ORIGIN}
        of = found.setdefault(tuple(origin.values()), {**origin, "vessel_days": 0, "co2_t": 0.0})
        of["vessel_days"] += row["vessel_days"]
        of["co2_t"] += row["co2_t"] or 0.0
    return sorted(found.values(), key=lambda of: [str(of[name]) for name in reversed(ORIGIN)])


def _daily(sums: list[dict[str, Any]]) -> dict[date, float]:
    """CO2 of all vessels by day."""
    co2: dict[date, float] = {}
    for row in sorted(sums, key=lambda row: row["reported_on"]):
        co2[row["reported_on"]] = co2.get(row["reported_on"], 0.0) + (row["co2_t"] or 0.0)
    return co2


def _week_mean(co2: dict[date, float]) -> dict[date, float]:
    """Mean of seven calendar days that lie wholly in the period; a day without a report counts as nil."""
    first = min(co2)
    full = [day for day in co2 if day >= first + timedelta(days=6)]
    return {day: sum(co2.get(day - timedelta(days=back), 0.0) for back in range(7)) / 7 for day in full}
