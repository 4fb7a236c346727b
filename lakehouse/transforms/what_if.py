"""Fuel days as they might have been: at another speed, or on another fuel. Modelled, never written to Gold. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from functools import reduce
from operator import add

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.fields import FUEL_KINDS
from contracts.fuel_model import PHASES, FuelModel
from contracts.tables import SILVER_EMISSIONS
from lakehouse.transforms.cii import G_PER_T
from lakehouse.transforms.emissions import total_fuel_t
from lakehouse.transforms.ship_rates import registered_ships, ship_rates


def at_speed(emissions: DataFrame, register: DataFrame, model: FuelModel, change: float) -> DataFrame:
    """The same miles sailed faster or slower.

    Propulsion power goes with the cube of speed (Fourth IMO GHG Study 2020, equation 8) and the time for the same miles
    with its inverse, so that propulsion fuel goes with the square; what auxiliary engines and boilers burn under way
    grows with the time. Fuel in port and at anchor stays. Specific consumption is taken as it was, and the fuels keep
    their shares. That a slower ship sails fewer miles in a year, or needs a sister, is not counted.

    Args:
        emissions: ``silver.emissions``.
        register: ``silver.ship_register``.
        model: Tables of the study: auxiliary and boiler power by phase, and consumption.
        change: Change of speed, -0.1 for ten per cent slower.

    Returns:
        ``silver.emissions`` with other fuel and other hours under way, and ``is_split``: whether the register's engine
        data told propulsion from the rest. Without them, or without hours, all fuel of the time under way counts as
        propulsion, which overstates what speed does.
    """
    factor = 1 + change
    rates = hotel_rates(register, model)
    days = emissions.join(F.broadcast(rates), "imo_number", "left").withColumn("burnt_t", total_fuel_t())
    hours = [F.coalesce(name, F.lit(0.0)) for name in ("berth_h", "anchored_h", "underway_h")]
    berth, anchored, underway = hours
    known_h = reduce(add, hours)
    rate = F.col("hotel_t_per_h")
    is_split = rate.isNotNull() & (known_h > 0)
    port_t = berth * rate[0] + anchored * rate[1]
    at_sea = F.least(underway * rate[3], F.col("burnt_t"))
    by_hours = F.col("burnt_t") * F.when(known_h > 0, underway / F.nullif(known_h, F.lit(0.0))).otherwise(1.0)
    rest = F.when(underway > 0, F.greatest(F.lit(0.0), F.col("burnt_t") - at_sea - port_t)).otherwise(0.0)
    main = F.when(is_split, rest).otherwise(by_hours)
    hotel = F.when(is_split, at_sea).otherwise(0.0)
    after = F.col("burnt_t") + main * (factor**2 - 1) + hotel * (1 / factor - 1)
    changed = days.withColumns({"share": after / F.nullif("burnt_t", F.lit(0.0)), "is_split": is_split})
    scaled = {f"fuel_{kind}_t": F.col(f"fuel_{kind}_t") * F.coalesce("share", F.lit(1.0)) for kind in FUEL_KINDS}
    return changed.withColumns({**scaled, "underway_h": F.col("underway_h") / factor}).select(
        *SILVER_EMISSIONS.columns, "is_split"
    )


def on_fuel(emissions: DataFrame, fuel_kind: str, heating_values: Mapping[str, float]) -> DataFrame:
    """The same energy from another fuel, by lower heating values.

    Engine efficiency is taken as it was, and pilot fuel as none. CII counts CO2 only: what an engine on LNG lets slip
    as methane is not in it.

    Args:
        emissions: ``silver.emissions``.
        fuel_kind: The only fuel burnt.
        heating_values: Lower heating value of each kind of fuel, kJ/kg.

    Returns:
        ``silver.emissions``; a day without any fuel reported stays one.
    """
    own = [F.col(f"fuel_{kind}_t") for kind in FUEL_KINDS]
    each = (F.coalesce(tonnes, F.lit(0.0)) * heating_values[kind] for kind, tonnes in zip(FUEL_KINDS, own, strict=True))
    energy = reduce(add, each)
    tonnes = F.when(F.coalesce(*own).isNotNull(), energy / heating_values[fuel_kind])
    none = F.lit(None).cast("double")
    changed = {f"fuel_{kind}_t": tonnes if kind == fuel_kind else none for kind in FUEL_KINDS}
    return emissions.withColumns(changed).select(*SILVER_EMISSIONS.columns)


def hotel_rates(register: DataFrame, model: FuelModel) -> DataFrame:
    """What auxiliary engines and boilers burn, t/h, by phase as `PHASES`; a row per ship whose engine is known."""
    ships = register.withColumn("track_id", F.col("imo_number").cast("string"))  # no track is asked about here
    rates = ship_rates(registered_ships(ships, model), model)
    powers = F.arrays_zip("auxiliary_kw", "boiler_kw")
    fuel = F.col("own_fuel")

    def tonnes(power: Column) -> Column:
        return (power["auxiliary_kw"] * fuel["auxiliary"] + power["boiler_kw"] * fuel["boiler"]) / G_PER_T

    hotel = F.transform(powers, tonnes)
    return rates.select("imo_number", F.when(F.size(hotel) == len(PHASES), hotel).alias("hotel_t_per_h"))
