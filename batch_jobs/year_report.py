"""What an emissions report tells of calendar years: tables and plots of the page, and the files beside it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from batch_jobs import charts, dcs
from batch_jobs.emission_report import SHOWN
from batch_jobs.emission_run import in_years
from batch_jobs.inputs import Period
from batch_jobs.reports import plot, write_csv, write_parquet
from batch_jobs.runs import Run, rows_of
from batch_jobs.what_if import COLUMNS as WHAT_IF_COLUMNS
from contracts.regulation import Regulation
from contracts.tables import GOLD_EMISSION_OUTLOOK, GOLD_EMISSION_YEAR
from lakehouse.transforms.emission_outlook import BOUNDARIES
from lakehouse.transforms.fleet_intensity import AMBITION_CUT_PCT, cut_since_2008_pct, fleet_intensity
from lakehouse.transforms.uncertainty import SURE, FuelError

NO_BASELINE = "not computable: no 2008 baseline of this fleet was given (--baseline-2008)"
NO_TONNES = "not computable: the ambition is per tonne and mile, this group is measured by gross tonnage"

Year = dict[str, Any]
Rows = list[dict[str, Any]]


def fleet_rows(run: Run, period: Period, baseline_2008: float | None) -> Rows:
    """The fleet's intensity by year and capacity unit, beside the ambition against 2008 where that can be said."""
    years = run.told(GOLD_EMISSION_YEAR).filter(in_years(period))
    return [
        {**row, "year": str(row["year"]), "against_2008": against_2008(row, baseline_2008)}
        for row in rows_of(fleet_intensity(years).orderBy("year", "capacity_unit"))
    ]


def against_2008(row: Mapping[str, Any], baseline: float | None) -> str:
    """A year's intensity beside the ambition against 2008, or why nothing can be said."""
    if row["capacity_unit"] != "dwt":
        return NO_TONNES
    if baseline is None or row["fleet_intensity"] is None:
        return NO_BASELINE
    cut = cut_since_2008_pct(row["fleet_intensity"], baseline)
    return f"{abs(cut):.1f} % {'below' if cut >= 0 else 'above'} the 2008 baseline given, {baseline:g} g/(t nm)"


def content(run: Run, period: Period, years: Rows, results: Mapping[str, Rows], error: FuelError) -> dict[str, Any]:
    """What the page's template is given.

    Args:
        run: The run that wrote the years.
        period: Its days.
        years: Rows of ``gold.emission_year``.
        results: With ``fleet_intensity`` of `fleet_rows`, ``what_if_years`` and ``greenhouse_gases``.
        error: How far fuel may be off, as it was set.
    """
    rated = sorted((year for year in years if year["cii_rating"]), key=_excess, reverse=True)
    return {
        "years": _shown(rated),
        "plans": [year for year in rated if year["consequence"] != "none"],
        "near": [year for year in rated if year["is_near_boundary"]],
        "warned": [year for year in rated if year["warning"]],
        "unrated_years": unrated(years),
        "fleet_intensity": results["fleet_intensity"],
        "what_if": _in_order(results["what_if_years"], rated),
        "gases": results["greenhouse_gases"],
        "error": error,
        "sure": SURE,
        "ambition_pct": AMBITION_CUT_PCT,
        **outlook(run, period),
    }


def _in_order(supposed: Rows, rated: Rows) -> Rows:
    """What-if years in the order of the rated ones, those without a rating last."""
    place = {(str(year["vessel_id"]), str(year["year"])): number for number, year in enumerate(rated)}
    return sorted(supposed, key=lambda row: place.get((row["vessel_id"], row["year"]), len(place)))


def outlook(run: Run, period: Period) -> dict[str, Any]:
    """Per calendar year a plot of its ships by rating under the limits of each year to 2030, and its number of rows."""
    found = run.told(GOLD_EMISSION_OUTLOOK).filter(in_years(period))
    counts: defaultdict[int, dict[int, Counter[str]]] = defaultdict(dict)
    for row in rows_of(found.groupBy("year", "target_year", "cii_rating").count().orderBy("year", "target_year")):
        counts[row["year"]].setdefault(row["target_year"], Counter())[row["cii_rating"]] += row["count"]
    return {
        "outlook_plots": [(year, plot(_outlook_plot(year, by_target))) for year, by_target in counts.items()],
        "outlook_rows": {year: sum(of.total() for of in by_target.values()) for year, by_target in counts.items()},
    }


def _outlook_plot(year: int, by_target: Mapping[int, Counter[str]]) -> str:
    told = (
        f"{target}: " + " ".join(f"{letter} {n}" for letter, n in sorted(of.items()))
        for target, of in by_target.items()
    )
    about = f"Ships of {year} by rating under the limits of each year. {'; '.join(told)}"
    return charts.ratings_by_year(by_target, "rated ships", about)


def unrated(years: Sequence[Year]) -> Rows:
    """Why vessel-years are not rated: the reason, how many, their CO2 and the first of them; most first."""
    by_reason: defaultdict[str, list[Year]] = defaultdict(list)
    for year in years:
        if year["scope_note"]:
            by_reason[year["scope_note"]].append(year)
    rows = [
        {
            "scope_note": note,
            "vessels": len(found),
            "co2_t": sum(year["co2_year_t"] or 0.0 for year in found),
            "named": ", ".join(str(year["vessel_id"]) for year in found[:8]) + (", …" if len(found) > 8 else ""),
        }
        for note, found in by_reason.items()
    ]
    return sorted(rows, key=lambda row: row["vessels"], reverse=True)


def probability(year: Year) -> float | None:
    """Probability of the letter that the year has; None where nothing can be said."""
    found: float | None = year[f"rating_{year['cii_rating'].lower()}_probability"]
    return found


def write_files(folder: Path, name: str, years: Rows, regulation: Regulation, supposed: Rows) -> list[Path]:
    """The years as CSV and Parquet, a table per year in the style of the IMO DCS, and the what-if if there is one."""
    table = GOLD_EMISSION_YEAR
    files = [
        write_csv(folder / f"{name}_years.csv", [*table.columns, "statement"], years),
        write_parquet(folder / f"{name}_years.parquet", table, years),
    ]
    for year in sorted({row["year"] for row in years}):
        of_year = [row for row in years if row["year"] == year]
        files.append(write_csv(folder / f"imo_dcs_{year}.csv", dcs.COLUMNS, dcs.rows(of_year, regulation)))
    if supposed:
        files.append(write_csv(folder / f"{name}_what_if.csv", WHAT_IF_COLUMNS, supposed))
    return files


def _shown(rated: Rows) -> Rows:
    """The years in order, those that the page shows with what it draws of them."""
    drawn = [{**year, "scale": _scale(year), "probability": probability(year)} for year in rated[:SHOWN]]
    return drawn + rated[SHOWN:]


def _scale(year: Year) -> Markup:
    ends = (year["cii_low_90"], year["cii_high_90"]) if year["cii_low_90"] is not None else None
    return plot(charts.on_scale(year["cii_attained"], ends, [year[name] for name in BOUNDARIES]))


def _excess(year: Year) -> float:
    return float(year["cii_attained"] / year["cii_required"])
