"""What an emissions report tells of single voyages: those of the highest carbon intensity, and where ships sailed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup
from pyspark.sql import functions as F

from batch_jobs import charts, voyage_map
from batch_jobs.emission_report import SHOWN
from batch_jobs.inputs import Period
from batch_jobs.reports import plot
from batch_jobs.runs import Run, rows_of
from contracts import fields as f
from contracts.tables import GOLD_SAILINGS, GOLD_VOYAGE_EMISSIONS
from lakehouse.transforms.emission_outlook import BOUNDARIES

DRAWN = 12
COLUMNS = [*GOLD_VOYAGE_EMISSIONS.columns, "statement"]

Voyage = dict[str, Any]


def written(run: Run, period: Period, statement: str) -> list[Voyage]:
    """Voyages of the period with what every figure of them is; the furthest above the required CII first."""
    if not run.store.exists(GOLD_VOYAGE_EMISSIONS):
        return []
    rows = run.told(GOLD_VOYAGE_EMISSIONS).filter(period.where(f.DEPARTED_ON))
    excess = F.col("voyage_cii") / F.col("cii_required")
    return [{**row, "statement": statement} for row in rows_of(rows.orderBy(F.desc_nulls_last(excess), "voyage_id"))]


def content(run: Run, period: Period, voyages: Sequence[Voyage], years: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """What the page's template is given.

    Args:
        run: The run that wrote them.
        period: Its days.
        voyages: Of `written`.
        years: Rows of ``gold.emission_year``, which hold the boundaries of each ship's letters.
    """
    limits = {(year["imo_number"], year["year"]): [year[name] for name in BOUNDARIES] for year in years}
    rated = [voyage for voyage in voyages if voyage["cii_rating"]]
    sea = voyage_map.draw(run, period) if run.store.exists(GOLD_SAILINGS) else None
    return {
        "voyages": [{**voyage, "scale": _scale(voyage, limits)} for voyage in rated[:SHOWN]] + rated[SHOWN:],
        "voyage_count": len(voyages),
        "voyages_plot": plot(_worst(rated[:DRAWN])) if rated else None,
        "sea": sea,
        "sea_plot": plot(sea["svg"]) if sea else None,
    }


def _worst(voyages: Sequence[Voyage]) -> str:
    """Bars of how far each is from the required CII, in the colour of its letter."""
    values = {_name(v): (100 * (v["voyage_cii"] / v["cii_required"] - 1), v["cii_rating"]) for v in voyages}
    about = "Worst voyages, per cent above the required CII: " + "; ".join(
        f"{n} {v:+.0f}" for n, (v, _) in values.items()
    )
    return charts.lying_bars(values, "% above the required CII", about)


def _name(voyage: Voyage) -> str:
    route = f" {voyage['route_id']}" if voyage["route_id"] else ""
    return f"{voyage['imo_number']}{route} {voyage['departed_on']:%d %b}"


def _scale(voyage: Voyage, limits: Mapping[tuple[int, int], list[float]]) -> Markup | str:
    ends = (voyage["cii_low_90"], voyage["cii_high_90"]) if voyage["cii_low_90"] is not None else None
    boundaries = limits.get((voyage["imo_number"], voyage["departed_on"].year))
    return plot(charts.on_scale(voyage["voyage_cii"], ends, boundaries)) if boundaries else ""
