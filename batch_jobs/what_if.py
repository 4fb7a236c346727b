"""``--what-if``: the year at another speed or on another fuel, told beside the real one and written to no table."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from batch_jobs.emission_run import days_of_years, years_of
from batch_jobs.inputs import Period
from batch_jobs.runs import Run, rows_of
from contracts.errors import InputError
from contracts.fields import FUEL_KINDS
from contracts.fuel_model import load_fuel_model
from contracts.regulation import Regulation
from contracts.regulation.heating_values import heating_values
from contracts.tables import SILVER_SHIP_REGISTER
from lakehouse.transforms.emission_years import emission_years
from lakehouse.transforms.emissions import vessel_id
from lakehouse.transforms.uncertainty import FuelError
from lakehouse.transforms.what_if import at_speed, on_fuel

SPEED = re.compile(r"speed=([+-]?\d+(?:\.\d+)?)%")
SLOWEST_PCT, FASTEST_PCT = -50.0, 20.0
"""Beyond these the cube law says nothing: engines do not run so low, or hulls so fast."""
COLUMNS = (
    "vessel_id", "year", "cii_attained", "cii_rating", "what_if", "what_if_cii", "what_if_rating", "co2_change_pct",
    "what_if_first_year_d_or_e", "basis",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class WhatIf:
    """A change of speed in per cent, or another fuel; and one vessel, or all."""

    text: str
    speed_pct: float | None = None
    fuel_kind: str | None = None
    vessel: int | None = None

    @property
    def basis(self) -> str:
        """What the figures rest on, in a sentence."""
        if self.fuel_kind:
            return "Modelled: same energy by lower heating values (MEPC.364(79)), CO2 only, no pilot fuel."
        return (
            "Modelled: same miles, propulsion fuel with the square of speed, auxiliary fuel under way with the time "
            "(Fourth IMO GHG Study 2020)."
        )


def parse(text: str | None, vessel: int | None) -> WhatIf | None:
    """What ``--what-if`` and ``--vessel`` say; none without the first.

    Raises:
        InputError: They say nothing that can be reckoned.
    """
    if text is None:
        if vessel is not None:
            raise InputError("--vessel names the ship of a what-if: add --what-if speed=-10% or --what-if fuel=lng.")
        return None
    speed = SPEED.fullmatch(text)
    if speed:
        pct = float(speed[1])
        if not SLOWEST_PCT <= pct <= FASTEST_PCT:
            raise InputError(f"--what-if {text}: choose a speed of {SLOWEST_PCT:g}% to +{FASTEST_PCT:g}%.")
        return WhatIf(text, speed_pct=pct, vessel=vessel)
    name, _, kind = text.partition("=")
    if name != "fuel" or kind not in FUEL_KINDS:
        raise InputError(f"--what-if {text!r}: write speed=-10%, or fuel= and one of {', '.join(FUEL_KINDS)}.")
    return WhatIf(text, fuel_kind=kind, vessel=vessel)


def vessels_of(run: Run, period: Period, what_if: WhatIf | None) -> list[int] | None:
    """Vessels that the what-if is about; None for all of them.

    Raises:
        InputError: The vessel that was named has no fuel day in the period's years.
    """
    if what_if is None or what_if.vessel is None:
        return None
    is_named = (F.col("imo_number") == what_if.vessel) | (F.col("mmsi") == what_if.vessel)
    in_years = F.year("reported_on").isin(list(years_of(period)))
    found = days_of_years(run, period).where(is_named & in_years).select(vessel_id().alias("vessel_id")).distinct()
    vessels = [row["vessel_id"] for row in rows_of(found)]
    if not vessels:
        raise InputError(f"--vessel {what_if.vessel} has no fuel day in these years: name an IMO number or MMSI.")
    return vessels


def reckon(
    run: Run,
    period: Period,
    regulation: Regulation,
    error: FuelError,
    what_if: WhatIf,
    years: list[dict[str, Any]],
    vessels: list[int] | None,
) -> list[dict[str, Any]]:
    """The period's vessel-years as they might have been, beside what they are.

    Args:
        run: The run that wrote the years; the what-if reads what it read.
        period: Its days.
        regulation: What was rated by.
        error: How far fuel may be off.
        what_if: What is supposed.
        years: Rows of ``gold.emission_year``.
        vessels: Of `vessels_of`.
    """
    days, register = days_of_years(run, period), run.read(SILVER_SHIP_REGISTER)
    if vessels is not None:
        days = days.where(vessel_id().isin(vessels))
    changed = _changed(days, register, what_if)
    found = emission_years(changed, register, regulation, years_of(period), error)
    rows = {(row["vessel_id"], row["year"]): row for row in rows_of(found)}
    unsplit = _without_engine_data(changed, what_if)
    keys = {(year["vessel_id"], year["year"]): year for year in years}
    return [_beside(keys[key], rows[key], what_if, unsplit) for key in sorted(keys.keys() & rows.keys())]


def _changed(days: DataFrame, register: DataFrame, what_if: WhatIf) -> DataFrame:
    if what_if.fuel_kind:
        return on_fuel(days, what_if.fuel_kind, heating_values())
    assert what_if.speed_pct is not None  # one of both is given
    return at_speed(days, register, load_fuel_model(), what_if.speed_pct / 100)


def _without_engine_data(changed: DataFrame, what_if: WhatIf) -> set[int]:
    """Vessels of which some day could not be split into propulsion and the rest."""
    if what_if.fuel_kind:
        return set()
    vessels = changed.where("NOT is_split").select(vessel_id().alias("vessel_id")).distinct()
    return {row["vessel_id"] for row in rows_of(vessels)}


def _beside(is_so: dict[str, Any], might_be: dict[str, Any], what_if: WhatIf, unsplit: set[int]) -> dict[str, Any]:
    co2, other = is_so["co2_year_t"], might_be["co2_year_t"]
    rough = " Rough: no engine data or hours, so all fuel under way counts as propulsion."
    return {
        "vessel_id": str(is_so["vessel_id"]),
        "year": str(is_so["year"]),
        "cii_attained": is_so["cii_attained"],
        "cii_rating": is_so["cii_rating"],
        "what_if": what_if.text,
        "what_if_cii": might_be["cii_attained"],
        "what_if_rating": might_be["cii_rating"],
        "co2_change_pct": (other / co2 - 1) * 100 if co2 and other is not None else None,
        "what_if_first_year_d_or_e": might_be["first_year_d_or_e"],
        "basis": what_if.basis + (rough if is_so["vessel_id"] in unsplit else ""),
    }
