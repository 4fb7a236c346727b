"""What the tables of the Fourth IMO GHG Study 2020 (MEPC 75/7/15) say of each ship, looked up once per ship. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import TypeVar

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.fuel_model import (
    HOTEL_SHARE,
    HOTEL_SHARE_BELOW_KW,
    NO_HOTEL_BELOW_KW,
    PHASES,
    BaseSfc,
    FuelModel,
    HotelPower,
    Propulsion,
)

DISTILLATE = "mdo"
NEWEST_BUILT_YEAR = 2001
SHIP_COLUMNS = (
    "track_id", "imo_number", "ship_type", "size", "main_engine_kw", "engine_type", "service_speed_kn",
    "design_draught_m", "built_year", "fuel_kind", "is_assumed", "is_guessed",
)  # fmt: skip
SFC = ("main", "auxiliary", "boiler")
_HOTEL = "size_from double, boiler_kw array<double>, auxiliary_kw array<double>"
_PROPULSION = "size_from double, weather_efficiency double, speed_power_factor double"
_SFC_ROW = "built_from int, sfc_g_per_kwh double, is_load_dependent boolean"

Row = TypeVar("Row")
OfSize = TypeVar("OfSize", HotelPower, Propulsion)


def registered_ships(register: DataFrame, model: FuelModel) -> DataFrame:
    """Ships of the register whose engine, speed and draught are known, in the study's types and sizes.

    Args:
        register: ``silver.ship_register`` with the ``track_id`` that the ship is heard by.
        model: The study's tables.

    Returns:
        `SHIP_COLUMNS`: one row per track. ``is_assumed`` where the year of build or the fuel is not known: the engine
        is then taken as built from 2001 on, and the fuel as HFO.
    """
    types = {row.cii_ship_type: [row.ship_type, row.size_from_column, str(row.size_factor)] for row in model.ship_types}
    found = F.try_element_at(_table(types, "map<string, array<string>>"), F.col("cii_ship_type"))
    size = F.when(found[1] == "dwt_t", F.col("dwt_t")).otherwise(F.col("gross_tonnage")) * found[2].cast("double")
    is_known = F.col("main_engine_kw") * F.col("service_speed_kn") * F.col("design_draught_m") > 0
    return register.where(is_known & F.col("engine_type").isNotNull()).select(
        "track_id", "imo_number", found[0].alias("ship_type"), size.alias("size"), "main_engine_kw", "engine_type",
        "service_speed_kn", "design_draught_m", "built_year", F.coalesce("fuel_kind", F.lit("hfo")).alias("fuel_kind"),
        (F.col("fuel_kind").isNull() | F.col("built_year").isNull()).alias("is_assumed"),
        F.lit(False).alias("is_guessed"),
    )  # fmt: skip


def ship_rates(ships: DataFrame, model: FuelModel) -> DataFrame:
    """What the tables say of each ship, so that an interval needs no look-up.

    Args:
        ships: `SHIP_COLUMNS`; one row per track.
        model: The study's tables.

    Returns:
        The ships with ``weather_efficiency``, ``speed_power_factor``, ``boiler_kw`` and ``auxiliary_kw`` (by phase),
        and a struct of consumption for each fuel it may burn: ``own_fuel``, and ``distillate`` for a control area.
        A ship whose type, engine or fuel the tables do not hold has no row.
    """
    kw = F.col("main_engine_kw")
    found = ships.withColumns(
        {
            "hotel": _of_size(_by_type(model.hotel_powers, "boiler_kw", "auxiliary_kw"), _HOTEL),
            "propulsion": _of_size(
                _by_type(model.propulsions, "weather_efficiency", "speed_power_factor"), _PROPULSION
            ),
            "own_fuel": consumption(model, F.col("fuel_kind")),
            "distillate": consumption(model, F.lit(DISTILLATE)),
        }
    )
    known = ("hotel", "propulsion", *(f"own_fuel.{name}" for name in SFC))
    return (
        found.where(" AND ".join(f"{name} IS NOT NULL" for name in known))
        .withColumns(
            {
                "weather_efficiency": F.col("propulsion.weather_efficiency"),
                "speed_power_factor": F.col("propulsion.speed_power_factor"),
                "boiler_kw": F.when(kw < NO_HOTEL_BELOW_KW, _same(F.lit(0.0))).otherwise(F.col("hotel.boiler_kw")),
                "auxiliary_kw": F.when(kw < NO_HOTEL_BELOW_KW, _same(F.lit(0.0)))
                .when(kw < HOTEL_SHARE_BELOW_KW, _same(kw * HOTEL_SHARE))
                .otherwise(F.col("hotel.auxiliary_kw")),
            }
        )
        .drop("hotel", "propulsion")
    )


def consumption(model: FuelModel, kind: Column) -> Column:
    """Base consumption of the ship's engines on a fuel, g/kWh: main, auxiliary, boiler, and ``is_load_dependent``.

    The tables know no light fuel oil: it is taken as HFO. A medium-speed engine on LNG is taken as an Otto engine.
    """
    listed = F.when(kind == "lfo", "hfo").otherwise(kind)
    engine = F.when((listed == "lng") & (F.col("engine_type") == "MSD"), "LNG-Otto-MS").otherwise(F.col("engine_type"))
    built = F.coalesce(F.col("built_year"), F.lit(NEWEST_BUILT_YEAR))
    table = _table(_by_engine(model), f"map<string, array<struct<{_SFC_ROW}>>>")

    def base(of: Column) -> Column:
        rows = F.try_element_at(table, F.concat_ws(" ", of, listed))
        return F.try_element_at(F.filter(rows, lambda row: row["built_from"] <= built), F.lit(-1))

    main, auxiliary, boiler = (base(of) for of in (engine, F.lit("auxiliary"), F.lit("boiler")))
    return F.struct(
        main["sfc_g_per_kwh"].alias("main"),
        auxiliary["sfc_g_per_kwh"].alias("auxiliary"),
        boiler["sfc_g_per_kwh"].alias("boiler"),
        main["is_load_dependent"].alias("is_load_dependent"),
        kind.alias("kind"),
    )


def _of_size(rows: dict[str, list[dict[str, object]]], row_type: str) -> Column:
    """The row of the ship's type with the largest ``size_from`` that its size reaches."""
    brackets = F.try_element_at(_table(rows, f"map<string, array<struct<{row_type}>>>"), F.col("ship_type"))
    return F.try_element_at(F.filter(brackets, lambda row: row["size_from"] <= F.col("size")), F.lit(-1))


def _table(values: object, of_type: str) -> Column:
    """A table as one constant; a branch for each of its rows would make a plan of thousands of expressions."""
    return F.from_json(F.lit(json.dumps(values)), of_type)


def _grouped(
    rows: Iterable[Row], key: Callable[[Row], str], start: str, *told: str
) -> dict[str, list[dict[str, object]]]:
    """Rows of a table by ``key``, each as its ``start`` and what it tells, in the order of ``start``."""
    found: defaultdict[str, list[dict[str, object]]] = defaultdict(list)
    for row in sorted(rows, key=attrgetter(start)):
        found[key(row)].append({name: getattr(row, name) for name in (start, *told)})
    return found


def _by_type(rows: Iterable[OfSize], *told: str) -> dict[str, list[dict[str, object]]]:
    return _grouped(rows, lambda row: row.ship_type, "size_from", *told)


def _by_engine(model: FuelModel) -> dict[str, list[dict[str, object]]]:
    def engine(row: BaseSfc) -> str:
        return f"{row.engine} {row.fuel_kind}"

    return _grouped(model.base_sfc, engine, "built_from", "sfc_g_per_kwh", "is_load_dependent")


def _same(kw: Column) -> Column:
    return F.array_repeat(kw, len(PHASES))
