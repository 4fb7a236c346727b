"""Energy of each kind of fuel by MEPC.364(79), to tell how much of another has the same.

These are the values of the IMO's own table of CO2 factors. FuelEU has others for some fuels (``well_to_wake.csv``):
the two are never mixed. No rating rests on them, so they are not part of a regulation's version.
"""

from __future__ import annotations

from functools import cache

from contracts.regulation.rows import read


@cache
def heating_values() -> dict[str, float]:
    """Lower heating value of each kind of fuel, kJ/kg.

    >>> heating_values()["lng"] > heating_values()["hfo"]
    True
    """
    return {row["fuel_kind"]: float(row["lower_heating_value_kj_per_kg"]) for row in read("heating_values")}
