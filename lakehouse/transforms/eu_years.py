"""What the EU's rules say to each ship and calendar year: allowances to surrender, and the FuelEU balance. Pure.

All of it is an estimate: what counts is known from voyages as they were reported, fuel of hours of unknown scope is in
no figure, and nothing is verified.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.fields import ENERGY_KINDS
from contracts.regulation.eu import ETS_DUE_DAY, ETS_DUE_MONTH, LEAST_GROSS_TONNAGE, EuRules
from contracts.tables import GOLD_EU_ETS_YEAR, GOLD_FUELEU_YEAR
from lakehouse.transforms.emissions import total_fuel_t, vessel_id
from lakehouse.transforms.eu_scope import DAY_H, fuel_use, is_unknown
from lakehouse.transforms.fueleu import energy_mj, ets_emissions, fueleu_balances, in_year
from lakehouse.transforms.lists import listed

SHIP_YEAR = ["imo_number", "year"]


def ets_years(days: DataFrame, register: DataFrame, eu: EuRules, lng_engine: str | None = None) -> DataFrame:
    """``gold.eu_ets_year``: emissions in scope and allowances of each vessel and year.

    Args:
        days: Of `scoped_days`: all days of the years wanted.
        register: ``silver.ship_register``; small, it is sent to every executor.
        eu: Factors, phases and scope.
        lng_engine: As in `fuel_use`.

    Returns:
        One row per vessel and year. A vessel that is out of scope, or cannot be reckoned, has a note and no figures.
    """
    owed = ets_emissions(fuel_use(days, lng_engine), eu)
    rows = _with_unknown_fuels(ship_years(days, register), days, eu, lng_engine).join(owed, SHIP_YEAR, "left")
    gases = in_year(eu.ets_phases, lambda phase: F.lit(" ".join(phase.gases)))
    first_year = min(phase.year_from for phase in eu.ets_phases)
    note = F.coalesce(ship_note(), _too_early(first_year, "allowances are owed"), figure_note())
    nothing = F.lit(0.0)  # all that is known lies outside
    return (
        rows.withColumn("eu_scope_note", note)
        .withColumns(
            {
                "ets_gases": _figure(gases),
                "ets_emissions_t": _figure(F.coalesce("ets_emissions_t", nothing)),
                "ets_surrender_pct": _figure(in_year(eu.ets_phases, lambda phase: phase.surrender_pct)),
                "ets_surrender_t": _figure(F.coalesce("ets_surrender_t", nothing)),
                "ets_due_on": _figure(F.make_date(F.col("year") + 1, F.lit(ETS_DUE_MONTH), F.lit(ETS_DUE_DAY))),
                "regulation_version": F.lit(eu.version),
            }
        )
        .select(GOLD_EU_ETS_YEAR.columns)
    )


def fueleu_years(days: DataFrame, register: DataFrame, eu: EuRules, lng_engine: str | None = None) -> DataFrame:
    """``gold.fueleu_year``: energy in scope by fuel, intensity, balance and penalty of each vessel and year.

    Args:
        days: Of `scoped_days`: all days of the years wanted.
        register: ``silver.ship_register``; small, it is sent to every executor.
        eu: Factors, limits and scope.
        lng_engine: As in `fuel_use`.

    Returns:
        As `ets_years`. The energy of a kind that was not burnt in scope is null.
    """
    use = fuel_use(days, lng_engine)
    energies = (F.sum(F.when(F.col("fuel").startswith(kind), energy_mj(eu))).alias(f"energy_{kind}_mj")
                for kind in ENERGY_KINDS)  # fmt: skip
    rows = (
        _with_unknown_fuels(ship_years(days, register), days, eu, lng_engine)
        .join(use.groupBy(*SHIP_YEAR).agg(*energies), SHIP_YEAR, "left")
        .join(fueleu_balances(use, eu), SHIP_YEAR, "left")
    )
    first_year = min(step.year_from for step in eu.limits)
    none_counts = F.when(F.coalesce("energy_mj", F.lit(0.0)) == 0, "no energy in scope")
    note = F.coalesce(ship_note(), _too_early(first_year, "there is a limit"), figure_note(), none_counts)
    names = ("ghg_intensity_g_per_mj", "fueleu_limit_g_per_mj", "compliance_balance_t", "penalty_eur")
    return (
        rows.withColumn("eu_scope_note", note)
        .withColumns({"energy_in_scope_mj": F.col("energy_mj"), "regulation_version": F.lit(eu.version)})
        .withColumns(
            {name: _figure(F.col(name)) for name in ("energy_in_scope_mj", *names)}
            | {f"energy_{kind}_mj": _figure(F.col(f"energy_{kind}_mj")) for kind in ENERGY_KINDS}
        )
        .select(GOLD_FUELEU_YEAR.columns)
    )


def ship_years(days: DataFrame, register: DataFrame) -> DataFrame:
    """Each vessel and year with what was burnt, how much of it counts or may count, and what the register says.

    A vessel is its IMO number, and its MMSI only where no number was reported.
    """
    fuel_t = total_fuel_t()
    of_vessel = days.withColumn("vessel", vessel_id()).groupBy("vessel", *SHIP_YEAR)
    ships = register.select("imo_number", "gross_tonnage", "cii_ship_type", F.lit(True).alias("is_registered"))
    return of_vessel.agg(
        F.max_by("mmsi", "reported_on").alias("mmsi"),
        F.count("*").alias("fuel_days"),
        F.count_if(is_unknown()).alias("scope_unknown_days"),
        F.sum(fuel_t).alias("fuel_of_year_t"),
        F.sum(fuel_t * F.coalesce("scope_share", F.lit(0.0))).alias("fuel_in_scope_t"),
        F.sum(fuel_t * F.col("scope_unknown_h") / DAY_H).alias("fuel_scope_unknown_t"),
        F.count("scope_share").alias("scope_known_days"),
        listed("method").alias("methods"),
        listed("quality").alias("qualities"),
        listed("source").alias("source"),
    ).join(F.broadcast(ships), "imo_number", "left")


def ship_note() -> Column:
    """Why a ship is not held to the rules, or cannot be judged; null for one that is."""
    return (
        F.when(F.col("imo_number").isNull(), "no IMO number reported")
        .when(F.col("is_registered").isNull(), "not in the ship register")
        .when(F.coalesce("gross_tonnage", F.lit(0.0)) <= 0, "gross tonnage not known")
        .when(F.col("gross_tonnage") < LEAST_GROSS_TONNAGE, f"below {LEAST_GROSS_TONNAGE:,} gross tonnage")
        .when(F.col("cii_ship_type").isNull(), "ship type not known")
    )


def figure_note() -> Column:
    """Why a ship that is held to the rules has no figure; null for one that has."""
    return (
        F.when(F.col("qualities").contains("very_low"), "fuel of a guessed ship in the year")
        .when(F.col("scope_known_days") == 0, "no ended voyage or stay in port is known on any of its days")
        .when(F.col("fuel_of_year_t").isNull(), "no fuel known in the year")
        .when(F.col("unknown_fuels") != "", F.concat(F.lit("no factors here for "), "unknown_fuels"))
    )


def _with_unknown_fuels(rows: DataFrame, days: DataFrame, eu: EuRules, lng_engine: str | None) -> DataFrame:
    """The rows with ``unknown_fuels``: those that count and have no factors, in a list."""
    is_known = F.col("fuel").isin([fuel.fuel for fuel in eu.fuels])
    unknown = fuel_use(days, lng_engine).groupBy(*SHIP_YEAR).agg(
        listed(F.when(~is_known, F.col("fuel"))).alias("unknown_fuels")
    )  # fmt: skip
    return rows.join(unknown, SHIP_YEAR, "left")


def _figure(value: Column) -> Column:
    return F.when(F.col("eu_scope_note").isNull(), value)


def _too_early(first_year: int, what: str) -> Column:
    return F.when(F.col("year") < first_year, f"{what} from {first_year} on")
