"""Where the figures of a report of an EU check come from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from batch_jobs.inputs import Period
from batch_jobs.runs import Run
from batch_jobs.trails import Guide, Trail, key_of
from contracts.regulation.eu import LEAST_GROSS_TONNAGE
from contracts.tables import Table


def trails(run: Run, period: Period, told: Mapping[str, Any], table: Table, figure: str, unit: str) -> list[Trail]:
    """One trail for each section of the page, in its order.

    Args:
        run: The run that wrote the years.
        period: Its days.
        told: What the page's template is given.
        table: Where the years are.
        figure: The column that is added up.
        unit: What that is.
    """
    guide, ships, reckoned = Guide(run, period), told["ships"], told["reckoned"]
    years = f"year BETWEEN {period.start_on.year} AND {period.end_on.year}"
    acts = ", ".join(told["rules"].resolutions)
    unknown = sum(ship["scope_unknown_days"] for ship in ships)
    days = sum(ship["fuel_days"] for ship in ships)
    common: dict[str, Any] = {"sources": [ship["source"] for ship in ships], "rule": acts}
    coverage = f"scope of all hours on {days - unknown:,} of {days:,} fuel days"
    worst: dict[str, Any] = {"row": key_of(reckoned[0], "mmsi", "year")} if reckoned else {}
    return [
        guide.trail(
            "ships", "Vessels and years", [table], figure=unit, value=told["total"] if reckoned else None,
            what=f"sum({figure})", where=years, method="as the notes at the end say",
            coverage=coverage, **worst, **common,
        ),
        guide.trail(
            "reasons", "Without a figure, and why", [table], figure="vessels and years",
            value=sum(row["vessels"] for row in told["reasons"]),
            what="count(eu_scope_note)", where=years,
            method=f"each by the first reason that holds; {LEAST_GROSS_TONNAGE:,} gross tonnage and more count",
            coverage=f"{len(ships):,} vessels and years with fuel", **common,
        ),
        guide.trail(
            "unknown", "Days of unknown scope", [table], figure="such days of the whole years", value=unknown,
            what="sum(scope_unknown_days)", where=years,
            method="hours of a day that no ended voyage and no stay in port covers", coverage=coverage, **common,
        ),
    ]  # fmt: skip
