"""Fuel burnt, bottom-up from speed and draught, as the Fourth IMO GHG Study 2020 (MEPC 75/7/15) reckons it. Pure.

Main engine: the propeller law of equation 8 with draught, weather and fouling. Auxiliary engines and boilers: power by
phase, ship type and size, table 17. Specific consumption: table 19, that of diesel and gas main engines over load.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from contracts.fuel_model import DRAUGHT_EXPONENT, HULL_EFFICIENCY, LEAST_LOAD, LOAD_CURVE, PHASES

RESIDUAL = ("hfo", "lfo")


def engine_load(sog_kn: Column, draught_m: Column) -> Column:
    """Load of the main engine as a share of its rating, at most 1 (study, equation 8).

    Speed over ground stands for speed through water, as in the study. Without a draught the design draught is taken.
    """
    draught = F.when(draught_m > 0, draught_m / F.col("design_draught_m")).otherwise(1.0)
    power = F.pow(draught, F.lit(DRAUGHT_EXPONENT)) * F.pow(sog_kn / F.col("service_speed_kn"), F.lit(3.0))
    return F.least(F.lit(1.0), F.col("speed_power_factor") * power / (HULL_EFFICIENCY * F.col("weather_efficiency")))


def load_curve(load: Column) -> Column:
    """Consumption at a load as a multiple of base consumption."""
    square, linear, constant = LOAD_CURVE
    return square * load * load + linear * load + constant


def with_fuel(intervals: DataFrame, rates: DataFrame) -> DataFrame:
    """Fuel of each interval, kg, by engine.

    Args:
        intervals: ``track_id``, ``interval_h``, ``sog_kn``, ``draught_m`` (null: design draught), ``phase`` (one of
            `PHASES`) and ``is_in_eca``. A track that has no rates gives no rows.
        rates: Of `ship_rates`; small, it is sent to every executor.

    Returns:
        The intervals with the ship's columns, ``engine_load``, ``burnt_kind``, ``main_fuel_kg``,
        ``auxiliary_fuel_kg``, ``boiler_fuel_kg``. The main engine burns nothing at berth, at anchor and below 7 % of
        its rating. In a control area a ship on residual fuel is taken to burn distillate.
    """
    switches = F.col("is_in_eca") & F.col("fuel_kind").isin(*RESIDUAL)
    fuelled = intervals.join(F.broadcast(rates), "track_id").withColumns(
        {
            "rate": F.when(switches, F.col("distillate")).otherwise(F.col("own_fuel")),
            "engine_load": F.when(F.col("phase").isin("berth", "anchored"), 0.0).otherwise(
                engine_load(F.col("sog_kn"), F.col("draught_m"))
            ),
        }
    )
    load, hours = F.col("engine_load"), F.col("interval_h")
    curve = F.when(F.col("rate.is_load_dependent"), load_curve(load)).otherwise(1.0)
    main = F.col("main_engine_kw") * load * F.col("rate.main") * curve
    return fuelled.withColumns(
        {
            "burnt_kind": F.col("rate.kind"),
            "main_fuel_kg": F.when(load < LEAST_LOAD, 0.0).otherwise(main * hours / 1_000),
            "auxiliary_fuel_kg": _in_phase("auxiliary_kw") * F.col("rate.auxiliary") * hours / 1_000,
            "boiler_fuel_kg": _in_phase("boiler_kw") * F.col("rate.boiler") * hours / 1_000,
        }
    ).drop("rate", "own_fuel", "distillate")


def _in_phase(powers: str) -> Column:
    at = F.array_position(F.array(*map(F.lit, PHASES)), F.col("phase"))
    return F.try_element_at(F.col(powers), F.nullif(at, F.lit(0)).cast("int"))
