"""Fuel by the Fourth IMO GHG Study, against figures that others published (RISE-Maritime/ceto, pinned results)."""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from contracts.fuel_model import load_fuel_model
from contracts.regulation import load_regulation
from lakehouse.transforms.fuel_model import with_fuel
from lakehouse.transforms.guessed_ship import guessed_ships
from lakehouse.transforms.modelled_days import modelled_days, ships_to_model
from lakehouse.transforms.ship_rates import ship_rates

MODEL = load_fuel_model()
SHIP = (
    "track_id string, imo_number long, ship_type string, size double, main_engine_kw double, engine_type string,"
    " service_speed_kn double, design_draught_m double, built_year int, fuel_kind string, is_assumed boolean,"
    " is_guessed boolean"
)
INTERVAL = (
    "track_id string, mmsi long, started_at timestamp, interval_h double, distance_nm double, sog_kn double,"
    " draught_m double, phase string, is_in_eca boolean, source string"
)
GENERAL_CARGO = {
    "track_id": "1", "imo_number": 9074729, "ship_type": "general_cargo_ship", "size": 15_000.0,
    "main_engine_kw": 5_000.0, "engine_type": "MSD", "service_speed_kn": 18.0, "design_draught_m": 8.5,
    "built_year": 2010, "fuel_kind": "mdo", "is_assumed": False, "is_guessed": False,
}  # fmt: skip
OFFSHORE = {
    **GENERAL_CARGO, "ship_type": "offshore_vessel", "size": 0.0, "main_engine_kw": 1_000.0, "service_speed_kn": 10.0,
    "design_draught_m": 7.0,
}  # fmt: skip
BULKER = {
    **GENERAL_CARGO, "ship_type": "bulk_carrier", "size": 82_000.0, "main_engine_kw": 9_800.0, "engine_type": "SSD",
    "service_speed_kn": 14.5, "design_draught_m": 14.4, "fuel_kind": "hfo",
}  # fmt: skip
NOON = datetime(2024, 3, 1, 12, tzinfo=UTC)


def still(phase: str, hours: float) -> dict[str, Any]:
    return {"phase": phase, "interval_h": float(hours), "sog_kn": 0.0, "distance_nm": 0.0, "draught_m": None}


def leg(phase: str, nm: float, kn: float, draught_m: float | None) -> dict[str, Any]:
    given = {"interval_h": nm / kn, "sog_kn": float(kn), "distance_nm": float(nm)}
    return {"phase": phase, "draught_m": None if draught_m is None else float(draught_m), **given}


def frame(spark: SparkSession, schema: str, rows: list[dict[str, Any]]) -> DataFrame:
    names = [column.split()[0] for column in schema.split(",")]
    return spark.createDataFrame([tuple(row.get(name) for name in names) for row in rows], schema)


def intervals(spark: SparkSession, rows: list[dict[str, Any]]) -> DataFrame:
    given = {"track_id": "1", "mmsi": 1, "started_at": NOON, "is_in_eca": False, "source": "noaa"}
    return frame(spark, INTERVAL, [{**given, **row} for row in rows])


def burnt(spark: SparkSession, ship: dict[str, Any], *rows: dict[str, Any]) -> list[Row]:
    rates = ship_rates(frame(spark, SHIP, [ship]), MODEL)
    return with_fuel(intervals(spark, list(rows)), rates).collect()


def kg(rows: list[Row], engine: str, phase: str | None = None) -> float:
    return float(sum(row[f"{engine}_fuel_kg"] for row in rows if phase in (None, row.phase)))


def test_the_general_cargo_ship_of_the_pinned_results_burns_23569_kg(spark: SparkSession) -> None:
    rows = burnt(
        spark, GENERAL_CARGO, still("berth", 12), still("anchored", 5),
        leg("manoeuvring", 1.5, 6, 8.5), leg("manoeuvring", 1.5, 6, 7.0),
        leg("sea", 200, 16, 8.5), leg("sea", 200, 16, 7.0),
    )  # fmt: skip
    found = {
        phase: [kg(rows, engine, phase) for engine in ("auxiliary", "boiler", "main")]
        for phase in ("berth", "anchored", "manoeuvring", "sea")
    }

    assert found["berth"] == pytest.approx([1598.4, 576, 0], rel=1e-9)
    assert found["anchored"] == pytest.approx([342.25, 240, 0], rel=1e-9)
    assert found["manoeuvring"] == pytest.approx([134.125, 20.8, 0], rel=1e-9)
    assert found["sea"] == pytest.approx([2405, 0, 18252.857061145693], rel=1e-9)
    assert sum(map(sum, found.values())) == pytest.approx(23569.432061145693, rel=1e-9)
    assert {row.burnt_kind for row in rows} == {"mdo"}


def test_the_offshore_vessel_of_the_pinned_results_never_exceeds_its_rating(spark: SparkSession) -> None:
    rows = burnt(
        spark, OFFSHORE, still("berth", 10), still("anchored", 10),
        leg("manoeuvring", 10, 10, 7), leg("sea", 10, 10, 7), leg("sea", 20, 10, 6),
    )  # fmt: skip

    assert [row.engine_load for row in rows] == [0, 0, 1, 1, 1]
    assert kg(rows, "main", "manoeuvring") == pytest.approx(179.375, rel=1e-9)
    assert kg(rows, "main", "sea") == pytest.approx(538.125, rel=1e-9)
    assert sum(kg(rows, engine) for engine in ("main", "auxiliary", "boiler")) == pytest.approx(2138.3, rel=1e-9)


def test_a_bulk_carrier_burns_by_the_cube_of_its_speed_and_by_its_draught(spark: SparkSession) -> None:
    sailed = [(14.5, 14.4), (14.5, None), (12.0, 14.4), (12.0, 8.0), (5.0, 8.0)]
    rows = burnt(spark, BULKER, *(leg("sea", kn, kn, draught_m) for kn, draught_m in sailed))
    co2_t = [(row.main_fuel_kg + row.auxiliary_fuel_kg) * 3.114 / 1_000 for row in rows]

    assert [row.engine_load for row in rows] == pytest.approx([1, 1, 0.71293724, 0.48180314, 0.03485266], rel=1e-7)
    assert [row.main_fuel_kg for row in rows] == pytest.approx([1757.875, 1757.875, 1228.9007, 862.2699, 0], rel=1e-7)
    assert [row.auxiliary_fuel_kg for row in rows] == pytest.approx([79.95] * 5, rel=1e-9)
    assert co2_t == pytest.approx([5.72298705, 5.72298705, 4.0757612, 2.9340727, 0.2489643], rel=1e-7)


def test_the_bulk_carriers_load_and_consumption_are_the_studys_formulas_to_the_last_digit(spark: SparkSession) -> None:
    sailed = [(12.0, 14.4), (12.0, 8.0), (9.0, 11.0)]
    rows = burnt(spark, BULKER, *(leg("sea", kn, kn, draught_m) for kn, draught_m in sailed))

    loads = [(m / 14.4) ** (2 / 3) * (kn / 14.5) ** 3 / (0.917 * 0.867) for kn, m in sailed]
    sfc = [175 * (0.455 * load**2 - 0.710 * load + 1.280) for load in loads]
    assert sfc[:2] == pytest.approx([175.8893038, 182.6196506], rel=1e-9)
    assert [row.engine_load for row in rows] == pytest.approx(loads, rel=1e-12)
    kg = [9_800 * load * g_per_kwh / 1_000 for load, g_per_kwh in zip(loads, sfc, strict=True)]
    assert [row.main_fuel_kg for row in rows] == pytest.approx(kg, rel=1e-12)


@pytest.mark.parametrize(
    ("ship_type", "size", "weather_efficiency", "speed_power_factor"),
    [
        ("container_ship", 999.0, 0.900, 1.0), ("container_ship", 14_500.0, 0.867, 1.0),
        ("container_ship", 14_501.0, 0.867, 0.75), ("cruise_ship", 1_999.0, 0.909, 0.7),
        ("cruise_ship", 2_000.0, 0.867, 0.7), ("oil_tanker", 9_999.0, 0.909, 1.0), ("oil_tanker", 10_000.0, 0.867, 1.0),
    ],
)  # fmt: skip
def test_weather_and_hull_form_weigh_by_type_and_size_as_in_equation_8(
    spark: SparkSession, ship_type: str, size: float, weather_efficiency: float, speed_power_factor: float
) -> None:
    (row,) = burnt(spark, {**BULKER, "ship_type": ship_type, "size": size}, leg("sea", 9, 9, 14.4))

    exact = speed_power_factor * (9 / 14.5) ** 3 / (0.917 * weather_efficiency)
    assert row.engine_load == pytest.approx(exact, rel=1e-12)


def test_a_ship_on_residual_fuel_burns_distillate_in_a_control_area(spark: SparkSession) -> None:
    outside, inside = burnt(
        spark, BULKER, leg("sea", 14.5, 14.5, 14.4), {**leg("sea", 14.5, 14.5, 14.4), "is_in_eca": True}
    )

    assert (outside.burnt_kind, inside.burnt_kind) == ("hfo", "mdo")
    assert inside.main_fuel_kg == pytest.approx(outside.main_fuel_kg * 165 / 175, rel=1e-12)


def test_a_small_main_engine_means_small_auxiliary_engines(spark: SparkSession) -> None:
    kw = (149.0, 150.0, 499.0, 500.0)
    ships = [{**GENERAL_CARGO, "track_id": str(n), "main_engine_kw": kw_n} for n, kw_n in enumerate(kw)]
    rates = ship_rates(frame(spark, SHIP, ships), MODEL)
    berths = intervals(spark, [{**still("berth", 1), "track_id": str(n)} for n in range(len(kw))])
    rows = with_fuel(berths, rates).orderBy("track_id").collect()

    assert [row.auxiliary_fuel_kg for row in rows] == pytest.approx([0, 7.5 * 0.185, 24.95 * 0.185, 720 * 0.185])
    assert [row.boiler_fuel_kg for row in rows] == pytest.approx([0, 48, 48, 48])


def test_a_turbine_burns_the_same_per_kwh_at_any_load(spark: SparkSession) -> None:
    slow, fast = burnt(
        spark, {**BULKER, "engine_type": "steam_turbine"}, leg("sea", 8, 8, 14.4), leg("sea", 14.5, 14.5, 14.4)
    )

    assert slow.main_fuel_kg / slow.engine_load == pytest.approx(fast.main_fuel_kg / fast.engine_load, rel=1e-12)
    assert fast.main_fuel_kg == pytest.approx(9_800 * 0.340, rel=1e-12)


def test_an_engine_that_the_tables_do_not_hold_is_not_modelled(spark: SparkSession) -> None:
    assert burnt(spark, {**BULKER, "engine_type": "SSD", "fuel_kind": "lng"}, still("berth", 1)) == []
    assert len(burnt(spark, {**BULKER, "engine_type": "MSD", "fuel_kind": "lng"}, still("berth", 1))) == 1


VESSEL = (
    "track_id string, imo_number long, ship_type_code int, length_m double, beam_m double, draught_m double,"
    " sog_kn double"
)
TANKER = {"track_id": "1", "ship_type_code": 80, "length_m": 200.0, "beam_m": 30.0, "draught_m": 12.0, "sog_kn": 14.0}


def guessed(spark: SparkSession, *changes: dict[str, Any]) -> dict[int, Row]:
    vessels = [{**TANKER, "track_id": str(n), **change} for n, change in enumerate(changes)]
    return {int(ship.track_id): ship for ship in guessed_ships(frame(spark, VESSEL, vessels)).collect()}


def test_the_guessed_ships_of_the_source_come_out_as_pinned(spark: SparkSession) -> None:
    cargo = {"ship_type_code": 70, "length_m": 150.0, "beam_m": 23.0, "draught_m": 8.5, "sog_kn": 16.0}
    found = guessed(spark, {}, cargo)

    assert [(ship.ship_type, ship.engine_type, ship.fuel_kind, ship.is_guessed) for ship in found.values()] == [
        ("oil_tanker", "SSD", "mdo", True), ("general_cargo_ship", "SSD", "mdo", True),
    ]  # fmt: skip
    for n, speed_kn, dwt_t, kw in (
        (0, 15.605907743200259, 47808.0, 8882.912889744446),
        (1, 16.901657999475564, 15395.625, 4332.868134818988),
    ):
        ship = found[n]
        assert (ship.service_speed_kn, ship["size"], ship.main_engine_kw) == pytest.approx(
            (speed_kn, dwt_t, kw), rel=1e-12
        )


def test_a_guessed_speed_is_the_one_seen_where_that_is_a_little_higher_and_never_above_25_kn(
    spark: SparkSession,
) -> None:
    found = guessed(
        spark, {"sog_kn": 16.5}, {"sog_kn": 18.0}, {"ship_type_code": 60, "sog_kn": None}, {"draught_m": 0.0}
    )

    assert [found[n].service_speed_kn for n in range(3)] == pytest.approx([16.5, 15.6059077, 25.0], rel=1e-7)
    assert found[3].design_draught_m == pytest.approx(30 / 3.25)


def test_what_has_no_ships_proportions_or_is_a_gas_tanker_is_not_guessed(spark: SparkSession) -> None:
    found = guessed(spark, {"beam_m": 10.0}, {"length_m": 4.0, "beam_m": 1.6}, {"ship_type_code": 84}, {})

    assert found.keys() == {3}


def days(spark: SparkSession, ship: dict[str, Any], *rows: dict[str, Any]) -> list[Row]:
    ships = frame(spark, SHIP, [ship])
    return modelled_days(intervals(spark, list(rows)), ships, MODEL, load_regulation()).orderBy("reported_on").collect()


def test_a_modelled_day_tells_fuel_by_kind_co2_hours_and_how_it_came_about(spark: SparkSession) -> None:
    parts = [{**still("berth", 6), "started_at": datetime(2024, 3, 1, hour, tzinfo=UTC)} for hour in (0, 6)]
    parts += [{**leg("sea", 96, 16, 8.5), "started_at": NOON}]
    (day,) = days(spark, GENERAL_CARGO, *parts)

    assert (day.mmsi, day.imo_number, day.reported_on) == (1, 9074729, date(2024, 3, 1))
    assert (day.berth_h, day.anchored_h, day.underway_h, day.distance_nm) == (12.0, 0.0, 6.0, 96.0)
    assert (day.method, day.quality, day.source, day.fuel_hfo_t) == ("modelled", "medium", "noaa", None)
    assert day.fuel_mdo_t > 2.1744
    assert day.co2_t == pytest.approx(day.fuel_mdo_t * 3.206, rel=1e-12)


def test_an_interval_over_midnight_is_divided_between_the_days(spark: SparkSession) -> None:
    late = {**leg("sea", 64, 16, 8.5), "started_at": datetime(2024, 3, 1, 23, tzinfo=UTC)}
    first, second = days(spark, GENERAL_CARGO, late)

    assert (first.underway_h, first.distance_nm) == pytest.approx((1.0, 16.0))
    assert (second.underway_h, second.distance_nm) == pytest.approx((3.0, 48.0))
    assert second.fuel_mdo_t == pytest.approx(3 * first.fuel_mdo_t, rel=1e-9)


def test_a_long_silence_burns_six_hours_of_fuel_and_keeps_its_distance(spark: SparkSession) -> None:
    silence = {**leg("sea", 160, 16, 8.5), "started_at": datetime(2024, 3, 1, 2, tzinfo=UTC)}
    (day,) = days(spark, GENERAL_CARGO, silence)

    assert (day.underway_h, day.distance_nm, day.quality) == (6.0, 160.0, "low")


def test_a_speed_that_was_not_reported_is_distance_by_time(spark: SparkSession) -> None:
    (told,) = days(spark, GENERAL_CARGO, leg("sea", 64, 16, 8.5))
    (untold,) = days(spark, GENERAL_CARGO, {**leg("sea", 64, 16, 8.5), "sog_kn": None})

    assert untold.fuel_mdo_t == pytest.approx(told.fuel_mdo_t, rel=1e-12)


def test_quality_says_how_much_of_the_ship_is_known(spark: SparkSession) -> None:
    ships = [
        {**GENERAL_CARGO, "track_id": str(n), "is_assumed": n > 0, "is_guessed": n == 2}  # known, assumed, guessed
        for n in range(3)
    ]
    whole = [
        {**still("berth", 6), "track_id": str(n), "started_at": datetime(2024, 3, 1, hour, tzinfo=UTC)}
        for n in range(3)
        for hour in (0, 6, 12, 18)
    ]
    found = modelled_days(intervals(spark, whole), frame(spark, SHIP, ships), MODEL, load_regulation())

    assert [row.quality for row in found.orderBy("track_id").collect()] == ["medium", "low", "very_low"]


REGISTER = (
    "imo_number long, mmsi long, cii_ship_type string, dwt_t double, gross_tonnage double, design_draught_m double,"
    " engine_type string, main_engine_kw double, service_speed_kn double, fuel_kind string, built_year int"
)


def test_the_register_knows_a_ship_better_than_ais_and_what_neither_knows_is_left_out(spark: SparkSession) -> None:
    vessels = frame(
        spark, VESSEL,
        [{**TANKER, "imo_number": 9074729}, {**TANKER, "track_id": "2", "imo_number": 9319466}, {"track_id": "3"}],
    )  # fmt: skip
    boxer = {
        "imo_number": 9074729, "mmsi": 99, "cii_ship_type": "container_ship", "dwt_t": 50_000.0,
        "gross_tonnage": 40_000.0, "design_draught_m": 12.0, "engine_type": "SSD", "main_engine_kw": 30_000.0,
        "service_speed_kn": 22.0,
    }  # fmt: skip
    register = frame(spark, REGISTER, [boxer, {**boxer, "imo_number": 9319466, "engine_type": None}])
    ships = {int(ship.track_id): ship for ship in ships_to_model(vessels, register, MODEL).collect()}

    assert ships.keys() == {1, 2}
    assert (ships[1].ship_type, ships[1]["size"], ships[1].is_guessed) == ("container_ship", 4_000.0, False)
    assert (ships[1].fuel_kind, ships[1].is_assumed) == ("hfo", True)
    assert (ships[2].ship_type, ships[2].imo_number, ships[2].is_guessed) == ("oil_tanker", 9319466, True)
