"""A ship that no register knows, guessed from what AIS says of it. Quality very_low: no rating may rest on it. Pure.

The formulas are those of RISE-Maritime's ceto (``ais_adapter``), one source, which names: block coefficients and Froude
numbers from MAN's Basic Principles of Ship Propulsion and engineering estimates; engine power from Cepowski (2019),
Polish Maritime Research 26; deadweight over displacement from Barrass (2004). Container ships and bulk carriers pass
for general cargo ships, since AIS does not tell them apart. Gas tankers are left out: no block coefficient is given.
"""

from __future__ import annotations

from pyspark.sql import Column, DataFrame
from pyspark.sql import functions as F

from lakehouse.transforms.ship_rates import DISTILLATE, NEWEST_BUILT_YEAR, SHIP_COLUMNS

GRAVITY_MPS2 = 9.81
KN_PER_MPS = 3_600 / 1_852
FASTEST_KN = 25.0
"""Cap of the guessed service speed, our own: the formula gives fine hulls 30 knots and more."""

AIS_TYPES = (
    (30, 30, "fishing_vessel"), (31, 32, "tug"), (36, 39, "yacht"), (40, 49, "ferry_pax"), (60, 69, "ferry_ropax"),
    (70, 79, "general_cargo_ship"), (80, 83, "oil_tanker"), (84, 84, "liquefied_gas_tanker"), (85, 89, "oil_tanker"),
)  # fmt: skip
BLOCK = {
    "oil_tanker": 0.80, "general_cargo_ship": 0.75, "ferry_pax": 0.60, "ferry_ropax": 0.60, "yacht": 0.50,
    "tug": 0.65, "service_vessel": 0.65, "fishing_vessel": 0.45,
}  # fmt: skip
DWT_OVER_DISPLACEMENT = {"oil_tanker": 0.83, "ferry_pax": 0.35, "ferry_ropax": 0.35}
GT_OVER_DWT = {"ferry_pax": 8.9393, "ferry_ropax": 1.7803}
ENGINES = {"oil_tanker": "SSD", "general_cargo_ship": "SSD", "ferry_pax": "MSD", "ferry_ropax": "MSD"}
IN_DEADWEIGHT = ("oil_tanker", "general_cargo_ship")


def guessed_ships(vessels: DataFrame) -> DataFrame:
    """Size, speed and engine of each vessel, guessed.

    Args:
        vessels: One row per track: ``track_id``, ``imo_number``, ``ship_type_code``, ``length_m``, ``beam_m``,
            ``draught_m`` and ``sog_kn`` (a speed that it was seen to make; null for none).

    Returns:
        The columns that `ship_rates` reads, ``is_guessed`` true. A vessel of no lawful
        proportions (length 5 to 450 m, beam 1.5 to 70 m, 2 to 8 beams long) or of a type without a block coefficient
        has no row.
    """
    length, beam = F.col("length_m"), F.col("beam_m")
    is_ship = length.between(5, 450) & beam.between(1.5, 70) & (length / beam).between(2, 8)
    guessed = vessels.where(is_ship).withColumn("ship_type", ship_type()).withColumn("block", _by_type(BLOCK))
    for name, value in {
        "design_draught_m": design_draught_m(),
        "service_speed_kn": service_speed_kn(),
        "dwt_t": F.col("block") * length * beam * F.col("design_draught_m") * _by_type(DWT_OVER_DISPLACEMENT, 0.70),
        "main_engine_kw": main_engine_kw(),
        "size": F.when(F.col("ship_type").isin(*IN_DEADWEIGHT), F.col("dwt_t")).otherwise(
            F.col("dwt_t") * _by_type(GT_OVER_DWT, 2.0)
        ),
        "engine_type": _by_type(ENGINES, "HSD"),
        "built_year": F.lit(NEWEST_BUILT_YEAR),
        "fuel_kind": F.lit(DISTILLATE),
        "is_assumed": F.lit(True),
        "is_guessed": F.lit(True),
    }.items():
        guessed = guessed.withColumn(name, value)
    return guessed.where(F.col("block").isNotNull()).select(*SHIP_COLUMNS)


def ship_type() -> Column:
    """The study's ship type by the AIS type code; a service vessel where the code says nothing of it."""
    code = F.col("ship_type_code")
    known = (F.when(code.between(first, last), name) for first, last, name in AIS_TYPES)
    return F.coalesce(*known, F.lit("service_vessel"))


def design_draught_m() -> Column:
    """The reported draught where it suits the beam, else the beam by 3.25."""
    is_likely = (F.col("beam_m") / F.nullif("draught_m", F.lit(0.0))).between(2.25, 3.75)
    return F.when(is_likely, F.col("draught_m")).otherwise(F.col("beam_m") / 3.25)


def service_speed_kn() -> Column:
    """Speed by a Froude number that falls from 0.32 to 0.145 as the hull gets fuller, at most 25 kn.

    A ship seen up to a tenth faster than that has the speed that it was seen at.
    """
    froude = 0.32 + (F.col("block") - 0.45) * (0.145 - 0.32) / (0.80 - 0.45)
    kn = KN_PER_MPS * froude * F.sqrt(GRAVITY_MPS2 * F.col("length_m")) / F.col("block")
    is_seen = F.col("sog_kn").between(kn, 1.1 * kn)
    return F.least(F.lit(FASTEST_KN), F.when(is_seen, F.col("sog_kn")).otherwise(kn))


def main_engine_kw() -> Column:
    """Installed power by deadweight and speed (Cepowski 2019: tankers, and bulk carriers for all others); ferries have
    two such engines.
    """
    dwt, kn = F.pow("dwt_t", F.lit(0.6)), F.col("service_speed_kn")
    is_tanker, is_ferry = F.col("ship_type") == "oil_tanker", F.col("ship_type").startswith("ferry")
    one = F.when(is_tanker, 2.66 * dwt * F.pow(kn, F.lit(0.6))).otherwise(4.297 * dwt * F.pow(kn, F.lit(0.4)))
    return F.when(is_ferry, 2 * one).otherwise(one)


def _by_type(values: dict[str, float] | dict[str, str], otherwise: float | str | None = None) -> Column:
    return F.coalesce(*(F.when(F.col("ship_type") == name, value) for name, value in values.items()), F.lit(otherwise))
