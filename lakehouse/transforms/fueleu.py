"""What FuelEU Maritime (Regulation (EU) 2023/1805) and the EU's emissions trading say to a ship's fuel. Pure.

Renewable fuel of non-biological origin, which counts double to 2033, wind and shore power, banking, borrowing and
pooling are not reckoned with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.regulation.eu import (
    ETS_GWP,
    FUELEU_GWP,
    PENALTY_EUR_PER_T,
    PENALTY_MJ_PER_T,
    EtsPhase,
    EuRules,
    Gwp,
    Limit,
    WellToWake,
)

G_PER_T = 1_000_000
Step = TypeVar("Step", Limit, EtsPhase)
ONE_END_SHARE = 0.5
"""Of a voyage with one end in the EU or EEA; both FuelEU and the ETS count half of it."""


def tank_to_wake_g_per_g(fuel: WellToWake, gwp: Gwp) -> float:
    """CO2 equivalent on board per gram of fuel; fuel that slips through unburnt counts as methane."""
    slip = fuel.slip_pct / 100
    burnt = fuel.co2_g_per_g + fuel.ch4_g_per_g * gwp.ch4 + fuel.n2o_g_per_g * gwp.n2o
    return (1 - slip) * burnt + slip * gwp.ch4


def well_to_wake_g_per_mj(fuel: WellToWake, gwp: Gwp) -> float:
    """CO2 equivalent of making and burning a fuel, per MJ (FuelEU, annex I)."""
    return fuel.wtt_g_per_mj + tank_to_wake_g_per_g(fuel, gwp) / fuel.lcv_mj_per_g


def scope_share(eu: EuRules, from_locode: Column, to_locode: Column) -> Column:
    """Share of a voyage's energy and emissions that counts: 1 within the EU and EEA, 0.5 with one end there, else 0.

    A stay at berth is a voyage from the port to itself. Null where an end is not known.
    """
    ends = [F.substring(locode, 1, 2).isin(*eu.countries).cast("int") for locode in (from_locode, to_locode)]
    return (ends[0] + ends[1]) * F.lit(ONE_END_SHARE)


def fueleu_balances(fuel_use: DataFrame, eu: EuRules, gwp_set: str = FUELEU_GWP) -> DataFrame:
    """Intensity, compliance balance and penalty of each ship and year.

    Args:
        fuel_use: ``imo_number``, ``year``, ``fuel`` (a name of `WellToWake`), ``fuel_t``, ``scope_share``.
        eu: Factors and limits.
        gwp_set: Which global warming potentials count.

    Returns:
        One row per ship and year: ``energy_mj`` and ``ghg_intensity_g_per_mj`` of the energy in scope,
        ``fueleu_limit_g_per_mj``, ``compliance_balance_t`` (t CO2e; negative is a deficit) and ``penalty_eur`` (0
        without a deficit). Null where a fuel has no factors, for no energy in scope, and before 2025.
    """
    gwp = eu.gwp(gwp_set)
    energy = energy_mj(eu)
    ghg_g = energy * _of_fuel(eu, lambda fuel: well_to_wake_g_per_mj(fuel, gwp))
    summed = fuel_use.groupBy("imo_number", "year").agg(
        _sum_of_all(energy).alias("energy_mj"), _sum_of_all(ghg_g).alias("ghg_g")
    )
    intensity = F.col("ghg_g") / F.nullif("energy_mj", F.lit(0.0))
    limit = in_year(eu.limits, lambda step: step.g_per_mj)
    return (
        summed.withColumns({"ghg_intensity_g_per_mj": intensity, "fueleu_limit_g_per_mj": limit})
        .withColumn("compliance_balance_t", compliance_balance_t())
        .withColumn("penalty_eur", penalty_eur())
        .drop("ghg_g")
    )


def energy_mj(eu: EuRules) -> Column:
    """Energy that counts of a use of fuel, by FuelEU's own heating values; null for a fuel without factors."""
    return F.col("fuel_t") * F.col("scope_share") * _of_fuel(eu, lambda fuel: fuel.lcv_mj_per_g * G_PER_T)


def compliance_balance_t() -> Column:
    """Limit less intensity, times energy (FuelEU, annex IV), in tonnes of CO2 equivalent."""
    return (F.col("fueleu_limit_g_per_mj") - F.col("ghg_intensity_g_per_mj")) * F.col("energy_mj") / G_PER_T


def penalty_eur() -> Column:
    """The deficit as tonnes of VLSFO of the ship's own intensity, at 2,400 EUR each (FuelEU, annex IV)."""
    deficit_g = F.greatest(F.lit(0.0), -F.col("compliance_balance_t")) * G_PER_T
    worth_t = deficit_g / (F.col("ghg_intensity_g_per_mj") * PENALTY_MJ_PER_T)
    return F.when(F.col("compliance_balance_t").isNotNull(), worth_t * PENALTY_EUR_PER_T)


def ets_emissions(fuel_use: DataFrame, eu: EuRules, gwp_set: str = ETS_GWP) -> DataFrame:
    """Emissions of each ship and year for which allowances are owed (Directive (EU) 2023/959).

    Args:
        fuel_use: As in `fueleu_balances`.
        eu: Factors and phases.
        gwp_set: Which global warming potentials count, from 2026 on.

    Returns:
        One row per ship and year: ``ets_emissions_t`` in scope (CO2 only before 2026, then CO2 equivalent with methane
        slip and nitrous oxide), and ``ets_surrender_t``, of which 40 % are surrendered of 2024, 70 % of 2025, all
        later. Null where a fuel has no factors, and before 2024.
    """
    gwp, in_scope_t = eu.gwp(gwp_set), F.col("fuel_t") * F.col("scope_share")
    per_t = in_year(eu.ets_phases, lambda phase: _of_fuel(eu, _ets_factor(phase.gases, gwp)))
    pct = in_year(eu.ets_phases, lambda phase: phase.surrender_pct)
    return (
        fuel_use.groupBy("imo_number", "year")
        .agg(_sum_of_all(in_scope_t * per_t).alias("ets_emissions_t"))
        .withColumn("ets_surrender_t", F.col("ets_emissions_t") * pct / 100)
    )


def _ets_factor(gases: tuple[str, ...], gwp: Gwp) -> Callable[[WellToWake], float]:
    return lambda fuel: fuel.co2_g_per_g if gases == ("co2",) else tank_to_wake_g_per_g(fuel, gwp)


def in_year(steps: Iterable[Step], value: Callable[[Step], Column | float]) -> Column:
    """What the newest step says that began by the row's year; null before the first."""
    newest_first = sorted(steps, key=lambda step: step.year_from, reverse=True)
    return F.coalesce(*(F.when(F.col("year") >= step.year_from, value(step)) for step in newest_first))


def _of_fuel(eu: EuRules, value: Callable[[WellToWake], float]) -> Column:
    return F.coalesce(*(F.when(F.col("fuel") == fuel.fuel, value(fuel)) for fuel in eu.fuels))


def _sum_of_all(amount: Column) -> Column:
    """The sum; null where one of the amounts is, so that a fuel without factors is not taken for none."""
    return F.when(F.count(amount) == F.count(F.lit(1)), F.sum(amount))
