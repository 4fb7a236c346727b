"""The report of the EU checks, read from what the run wrote: a page, and CSV files of ships and of unknown days."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_jobs import eu_trails
from batch_jobs.inputs import Period
from batch_jobs.reports import source_note, write_csv, write_page
from batch_jobs.runs import Run, rows_of
from contracts.regulation.eu import LEAST_GROSS_TONNAGE, EuRules
from contracts.tables import GOLD_EU_ETS_YEAR, GOLD_FUELEU_YEAR, Table
from lakehouse.transforms.emissions import total_fuel_t
from lakehouse.transforms.eu_scope import is_unknown

ESTIMATE = "These figures are an estimate, not a verified report."
SHOWN = 40
DAY_COLUMNS = ("mmsi", "imo_number", "reported_on", "scope_unknown_h", "fuel_t", "method", "source")

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """How a check is told.

    Attributes:
        title: Of the page.
        table: Whose columns the CSV has.
        figure: The column by which ships are ranked; null where a ship has no figures.
        unit: What its sum is.
        columns: Of the page's table: column, heading, digits.
        method: What the page says of how it was reckoned.
    """

    title: str
    table: Table
    figure: str
    unit: str
    columns: tuple[tuple[str, str, int], ...]
    method: str


SCOPE_METHOD = (
    "All of a voyage between two ports of the EU or EEA counts, and of a stay in one; half of a voyage with one end "
    "there; else nothing. A day of several voyages is split by hours. Ports are European by the country of their "
    "UN/LOCODE: outermost regions with a code of their own, and transhipment ports, are not told apart. A ship at "
    "anchor off a port between arrival and departure counts as in it."
)
ETS = Page(
    "EU emissions trading",
    GOLD_EU_ETS_YEAR,
    "ets_surrender_t",
    "allowances to surrender",
    (
        ("fuel_in_scope_t", "Fuel in scope, t", 1), ("ets_emissions_t", "In scope, t CO2(e)", 1),
        ("ets_surrender_pct", "Owed for, %", 0), ("ets_surrender_t", "Allowances", 1),
        ("fuel_scope_unknown_t", "Fuel of unknown scope, t", 1),
    ),
    "Tank to wake by the factors of the FuelEU annex; CO2 to 2025, from 2026 on CO2e with methane slip and nitrous "
    "oxide (potentials of the IPCC's fifth assessment). The ice class allowance is not reckoned with, and no price is "
    "assumed: one allowance is a tonne. " + SCOPE_METHOD,
)  # fmt: skip
FUELEU = Page(
    "FuelEU Maritime",
    GOLD_FUELEU_YEAR,
    "penalty_eur",
    "EUR of penalties",
    (
        ("energy_in_scope_mj", "Energy in scope, MJ", 0), ("ghg_intensity_g_per_mj", "Intensity, g/MJ", 4),
        ("fueleu_limit_g_per_mj", "Limit, g/MJ", 4), ("compliance_balance_t", "Balance, t CO2e", 1),
        ("penalty_eur", "Penalty, EUR", 0), ("fuel_scope_unknown_t", "Fuel of unknown scope, t", 1),
    ),
    "Well to wake by the default factors of annex II and the potentials of the text (RED II). Renewable fuel of "
    "non-biological origin, wind and shore power, banking, borrowing and pooling, and the higher penalty of repeated "
    "deficits are not reckoned with. " + SCOPE_METHOD,
)  # fmt: skip


def fleet(run: Run, table: Table, period: Period) -> list[Row]:
    """The vessels and years of the period as they were written."""
    of_years = f"year >= {period.start_on.year} AND year <= {period.end_on.year}"
    return rows_of(run.told(table).where(of_years).orderBy("imo_number", "mmsi", "year"))


def unknown_days(days: DataFrame, period: Period) -> list[Row]:
    """Days of the period of which hours have no known scope, each with those hours and the day's fuel."""
    asked = days.where(is_unknown() & F.col("reported_on").between(period.start_on, period.end_on))
    return rows_of(asked.withColumn("fuel_t", total_fuel_t()).select(*DAY_COLUMNS).orderBy("mmsi", "reported_on"))


def summarise(page: Page, ships: list[Row], unknown: list[Row]) -> tuple[dict[str, list[Row]], Row]:
    """The ships that owe most, why others have no figure, and what the run found."""
    reckoned = _reckoned(page, ships)
    shown = [{"imo_number": str(ship["imo_number"]), "year": str(ship["year"])}
             | {name: ship[name] for name, _, _ in page.columns} for ship in reckoned[:10]]  # fmt: skip
    facts = {
        "vessel_years": len(ships),
        "reckoned": len(reckoned),
        "without_a_figure": len(ships) - len(reckoned),
        page.figure: sum(ship[page.figure] for ship in reckoned),
        "scope_unknown_days": len(unknown),
        "note": ESTIMATE,
    }
    return {"owing_most": shown, "without_a_figure_because": _reasons(ships)}, facts


def write(
    run: Run, page: Page, period: Period, ships: list[Row], unknown: list[Row], rules: EuRules, folder: Path
) -> list[Path]:
    """Write the HTML page and the CSV files of ships and of days of unknown scope; returns their paths."""
    name = f"emissions_{run.arguments['compliance_check']}_{period.start_on}_{period.end_on}"
    reckoned = _reckoned(page, ships)
    content = {
        "title": page.title,
        "period": f"{_years(period)}, up to {period.end_on}",
        "input": run.arguments["input"],
        "output": run.arguments["output"],
        "estimate": ESTIMATE,
        "sources": source_note([ship["source"] for ship in ships]),
        "traffic": None,
        "page": page,
        "ships": ships,
        "reckoned": reckoned,
        "total": sum(ship[page.figure] for ship in reckoned),
        "due": sorted({ship["ets_due_on"] for ship in reckoned if ship.get("ets_due_on")}),
        "reasons": _reasons(ships),
        "unknown": unknown,
        "unknown_fuel_t": sum(ship["fuel_scope_unknown_t"] or 0.0 for ship in reckoned),
        "shown": SHOWN,
        "rules": rules,
        "least_gt": LEAST_GROSS_TONNAGE,
    }
    content["trails"] = eu_trails.trails(run, period, content, page.table, page.figure, page.unit)
    html = write_page(folder / f"{name}.html", "eu.html.j2", **content)
    rows = [{**ship, "statement": ESTIMATE} for ship in ships]
    return [
        html,
        write_csv(folder / f"{name}.csv", (*page.table.columns, "statement"), rows),
        write_csv(folder / f"{name}_scope_unknown_days.csv", DAY_COLUMNS, unknown),
    ]


def _years(period: Period) -> str:
    first, last = period.start_on.year, period.end_on.year
    return f"year {first}" if first == last else f"years {first} to {last}"


def _reckoned(page: Page, ships: Sequence[Row]) -> list[Row]:
    """Those with a figure, the largest first."""
    return sorted((ship for ship in ships if ship[page.figure] is not None), key=lambda ship: -ship[page.figure])


def _reasons(ships: Sequence[Row]) -> list[Row]:
    by_note: dict[str, list[Row]] = defaultdict(list)
    for ship in ships:
        if ship["eu_scope_note"]:
            by_note[ship["eu_scope_note"]].append(ship)
    rows = [
        {"reason": note, "vessels": len(found), "fuel_t": sum(ship["fuel_of_year_t"] or 0.0 for ship in found)}
        for note, found in by_note.items()
    ]
    return sorted(rows, key=lambda row: -row["vessels"])
