"""CO2, calendar windows, carbon intensity and rating, on Spark."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from math import isclose
from typing import Any

import pytest
from pyspark.sql import Row, SparkSession

from contracts.fields import FUEL_KINDS
from contracts.regulation import Regulation, as_known_on, load_regulation
from contracts.tables import SILVER_EMISSIONS, SILVER_SHIP_REGISTER
from lakehouse.schema import spark_schema
from lakehouse.transforms import rolling_arrow
from lakehouse.transforms.emissions import emission_compliance, vessel_days

BULKER = {"imo_number": 9074729, "cii_ship_type": "bulk_carrier", "dwt_t": 50_000.0, "gross_tonnage": 30_000.0}
FERRY = {"imo_number": 9319466, "cii_ship_type": "ro_ro_passenger_ship", "dwt_t": 7_000.0, "gross_tonnage": 25_000.0}
JAN_31 = date(2026, 1, 31)


def fuel_day(reported_on: date, **changes: object) -> dict[str, Any]:
    """The bulk carrier's day of the published example: 80 t of HFO over 1,000 nm."""
    return {
        **dict.fromkeys(SILVER_EMISSIONS.columns),
        "mmsi": 230_000_001,
        "imo_number": BULKER["imo_number"],
        "reported_on": reported_on,
        "distance_nm": 1_000.0,
        "fuel_hfo_t": 80.0,
        "method": "reported",
        "quality": "high",
        "source": "twin",
        **changes,
    }


def rated(
    spark: SparkSession, days: list[dict[str, Any]], *ships: dict[str, Any], regulation: Regulation | None = None
) -> dict[tuple[int, date], Row]:
    regulation = regulation or load_regulation()
    emissions = spark.createDataFrame(
        [tuple(day[name] for name in SILVER_EMISSIONS.columns) for day in days], spark_schema(SILVER_EMISSIONS)
    )
    register = spark.createDataFrame(
        [tuple(ship.get(name) for name in SILVER_SHIP_REGISTER.columns) for ship in ships or (BULKER, FERRY)],
        spark_schema(SILVER_SHIP_REGISTER),
    )
    years = {day["reported_on"].year for day in days}
    rows = emission_compliance(emissions, register, regulation, sorted(years)).collect()
    assert len(rows) == len(days)
    return {(row.mmsi, row.reported_on): row for row in rows}


def only(rows: dict[tuple[int, date], Row]) -> Row:
    (row,) = rows.values()
    return row


def test_the_bulk_carrier_of_the_published_test_plan_is_rated_c(spark: SparkSession) -> None:
    row = only(rated(spark, [fuel_day(JAN_31)]))

    assert row.co2_t == pytest.approx(249.12, rel=1e-12)
    assert (row.capacity, row.capacity_unit) == (50_000.0, "dwt")
    for value in (row.cii_7d, row.cii_30d, row.cii_attained_ytd):
        assert value == pytest.approx(4.9824, rel=1e-12)
    assert row.cii_required == pytest.approx(5.04506633249618206053073653978, rel=1e-12)
    assert (row.cii_rating_ytd, row.is_over_limit, row.scope_note) == ("C", False, None)
    assert row.cii_required_2030 == pytest.approx(5.66861385673728321407947925818 * 0.785, rel=1e-12)
    assert (row.cii_rating_2030, row.is_over_limit_2030) == ("D", True)
    assert row.regulation_version == load_regulation().version


@pytest.mark.parametrize(
    ("year", "required", "rating"),
    [(2023, 18.224980993418345, "B"), (2024, 17.84129718303059, "B"), (2025, 17.45761337264284, "C"),
     (2026, 17.073929562255085, "C"), (2029, 15.563174558853301, "C"), (2030, 15.059589557719374, "C")],
)  # fmt: skip
def test_the_ro_ro_passenger_ship_of_the_open_calculator_keeps_its_figures(
    spark: SparkSession, year: int, required: float, rating: str
) -> None:
    day = fuel_day(date(year, 12, 31), imo_number=9319466, fuel_hfo_t=None, fuel_mdo_t=19_000.0, distance_nm=150_000.0)
    row = only(rated(spark, [day]))

    assert row.capacity_unit == "gt"
    assert row.cii_attained_ytd == pytest.approx(16.243733333333335, rel=1e-12)
    assert row.cii_required == pytest.approx(required, rel=1e-12)
    assert row.cii_required_2030 == pytest.approx(15.059589557719374, rel=1e-12)
    assert (row.cii_rating_ytd, row.cii_rating_2030) == (rating, "C")


def test_a_very_large_bulk_carrier_works_with_its_real_deadweight(spark: SparkSession) -> None:
    ship = {**BULKER, "dwt_t": 300_000.0}
    row = only(rated(spark, [fuel_day(JAN_31, fuel_hfo_t=1_000.0, distance_nm=10_000.0)], ship))

    assert row.cii_attained_ytd == pytest.approx(1.038, rel=1e-12)
    assert row.cii_required == pytest.approx(1.73165116327, rel=1e-11)
    assert row.cii_rating_ytd == "A"


@pytest.mark.parametrize(("boundary", "letters"), [(0.86, "AB"), (0.94, "BC"), (1.06, "CD"), (1.18, "DE")])
def test_a_value_on_a_boundary_gets_the_better_letter(spark: SparkSession, boundary: float, letters: str) -> None:
    required = only(rated(spark, [fuel_day(JAN_31)])).cii_required
    on_it = 50_000.0 * (boundary * required) / 1e6  # t of CO2 over one mile of a ship of 50,000 t
    days = [
        fuel_day(JAN_31, fuel_hfo_t=on_it / 3.114 * share, distance_nm=1.0, mmsi=mmsi, imo_number=imo)
        for share, mmsi, imo in ((1 - 1e-12, 1, 9074729), (1 + 1e-9, 2, 8814275))
    ]
    rows = rated(spark, days, BULKER, {**BULKER, "imo_number": 8814275})

    assert rows[1, JAN_31].cii_rating_ytd + rows[2, JAN_31].cii_rating_ytd == letters


def test_each_fuel_counts_with_its_own_factor_and_what_is_not_reported_counts_as_none(spark: SparkSession) -> None:
    every = {f"fuel_{kind}_t": 1.0 for kind in FUEL_KINDS}
    nothing = dict.fromkeys(every)
    rows = rated(spark, [fuel_day(JAN_31, mmsi=1, **every), fuel_day(JAN_31, mmsi=2, imo_number=None, **nothing)])

    all_fuels = 3.114 + 3.151 + 3.206 + 2.75 + 3.0 + 3.03 + 2.927 + 1.375 + 1.913
    assert rows[1, JAN_31].co2_t == pytest.approx(all_fuels, rel=1e-12)
    assert rows[1, JAN_31].total_fuel_t == 9.0
    assert (rows[2, JAN_31].co2_t, rows[2, JAN_31].total_fuel_t) == (None, None)


def test_rolling_sums_are_over_calendar_days_and_not_rows(spark: SparkSession) -> None:
    burnt = {0: 1_000.0, 6: 100.0, 7: 10.0, 29: 1.0, 30: 0.1}
    rows = rated(spark, [fuel_day(JAN_31 - timedelta(days=days), fuel_hfo_t=t) for days, t in burnt.items()])
    row = rows[230_000_001, JAN_31]

    assert row.co2_7d_t == pytest.approx(3.114 * 1_100, rel=1e-12)
    assert row.co2_30d_t == pytest.approx(3.114 * 1_111, rel=1e-12)
    assert row.cii_7d == pytest.approx(row.co2_7d_t * 1e6 / (50_000 * 2_000), rel=1e-12)
    assert row.cii_30d == pytest.approx(row.co2_30d_t * 1e6 / (50_000 * 4_000), rel=1e-12)
    assert row.distance_ytd_nm == 5_000.0


def test_a_window_in_which_no_day_has_a_value_has_none_though_days_before_it_do(spark: SparkSession) -> None:
    unknown = dict.fromkeys(("fuel_hfo_t", "distance_nm"))
    silent = [fuel_day(JAN_31 - timedelta(days=n), **unknown) for n in range(7)]
    row = rated(spark, [fuel_day(JAN_31 - timedelta(days=7)), *silent])[230_000_001, JAN_31]

    assert (row.co2_7d_t, row.cii_7d) == (None, None)
    assert row.co2_30d_t == pytest.approx(3.114 * 80, rel=1e-12)
    assert row.cii_30d == pytest.approx(3.114 * 80 * 1e6 / (50_000 * 1_000), rel=1e-12)


def test_a_day_of_more_miles_than_any_ship_can_sail_spoils_no_window_after_its_own(spark: SparkSession) -> None:
    broken = fuel_day(JAN_31 - timedelta(days=8), distance_nm=1e30)
    row = rated(spark, [broken, *(fuel_day(JAN_31 - timedelta(days=n)) for n in range(8))])[230_000_001, JAN_31]

    assert row.cii_7d == pytest.approx(3.114 * 7 * 80 * 1e6 / (50_000 * 7_000), rel=1e-12)
    assert row.cii_30d == pytest.approx(3.114 * 9 * 80 * 1e6 / (50_000 * (8_000 + 2**15)), rel=1e-12)


def odd_days(seed: int) -> Iterator[dict[str, Any]]:
    """Days of four ships over a turn of the year, with gaps, unknown and impossible values, and changes of flag."""
    chance = random.Random(seed)
    for vessel in range(4):
        for n in range(60):
            for flag in range(chance.choice((0, 1, 1, 1, 2))):
                yield fuel_day(
                    date(2025, 12, 5) + timedelta(days=n),
                    mmsi=200 + 10 * vessel + flag,
                    imo_number=None if vessel == 3 else 9_000_000 + vessel,
                    fuel_hfo_t=chance.choice((None, 0.0, 0.1, 80.0, 1e12)),
                    distance_nm=chance.choice((None, 0.0, 0.3, 280.0, 1e30)),
                    quality=chance.choice((None, "high", "very_low")),
                )


@pytest.mark.parametrize("seed", [1, 2])
def test_sums_in_numpy_are_those_of_windows(spark: SparkSession, seed: int) -> None:
    rows = [tuple(day[name] for name in SILVER_EMISSIONS.columns) for day in odd_days(seed)]
    emissions = spark.createDataFrame(rows, spark_schema(SILVER_EMISSIONS))
    by_windows = vessel_days(emissions, load_regulation(), [2026])
    by_numpy = vessel_days(emissions, load_regulation(), [2026], rolling_arrow.with_sums)

    assert dict(by_numpy.dtypes) == dict(by_windows.dtypes)
    of_windows, of_numpy = (found.orderBy("mmsi", "reported_on").collect() for found in (by_windows, by_numpy))
    assert len(of_numpy) == len(rows) > 100
    for ours, theirs in zip(of_numpy, of_windows, strict=True):
        for name, value in theirs.asDict().items():
            is_same = isclose(ours[name], value) if isinstance(value, float) and ours[name] else ours[name] == value
            assert is_same, (name, ours, theirs)


def test_an_idle_week_has_no_co2_and_no_carbon_intensity_left_of_the_days_before(spark: SparkSession) -> None:
    """0.1, 0.2 and their like leave a rest behind when an engine adds them and takes them off again."""
    sailed = [fuel_day(JAN_31 - timedelta(days=20 - n), fuel_hfo_t=0.1 * n, distance_nm=0.3 * n) for n in range(1, 9)]
    idle = [fuel_day(JAN_31 - timedelta(days=n), fuel_hfo_t=0.0, distance_nm=0.0) for n in range(12)]
    row = rated(spark, [*sailed, *idle])[230_000_001, JAN_31]

    assert (row.co2_7d_t, row.cii_7d) == (0.0, None)
    assert row.co2_30d_t == pytest.approx(3.114 * 3.6, rel=1e-11)


def test_the_year_so_far_begins_on_the_first_of_january(spark: SparkSession) -> None:
    days = [fuel_day(date(2025, 12, 31)), fuel_day(date(2026, 1, 1)), fuel_day(date(2026, 1, 2))]
    rows = rated(spark, days)

    assert rows[230_000_001, date(2026, 1, 1)].co2_ytd_t == pytest.approx(249.12)
    assert rows[230_000_001, date(2026, 1, 2)].co2_ytd_t == pytest.approx(498.24)
    assert rows[230_000_001, date(2026, 1, 2)].co2_7d_t == pytest.approx(747.36)
    assert rows[230_000_001, date(2025, 12, 31)].cii_required > rows[230_000_001, date(2026, 1, 1)].cii_required


def test_a_change_of_flag_does_not_begin_a_ships_year_anew(spark: SparkSession) -> None:
    rows = rated(spark, [fuel_day(date(2026, 1, 1)), fuel_day(date(2026, 1, 2), mmsi=636_000_001)])

    assert rows[636_000_001, date(2026, 1, 2)].co2_ytd_t == pytest.approx(498.24)


@pytest.mark.parametrize(
    ("ship", "day", "note"),
    [
        ({**BULKER, "gross_tonnage": 4_999.0}, {}, "below 5,000 gross tonnage"),
        ({**BULKER, "gross_tonnage": None}, {}, "gross tonnage unknown"),
        ({**BULKER, "dwt_t": None}, {}, "capacity unknown"),
        ({**BULKER, "cii_ship_type": "tug"}, {}, "ship type not in scope: tug"),
        ({**BULKER, "cii_ship_type": None}, {}, "ship type unknown"),
        (FERRY, {}, "not in the ship register"),
        (BULKER, {"imo_number": None}, "no IMO number reported"),
        (BULKER, {"distance_nm": 0.0}, "no distance or no fuel known this year so far"),
        (BULKER, {"reported_on": date(2022, 6, 1)}, "ratings began with 2023"),
    ],
)
def test_a_ship_that_cannot_be_rated_keeps_its_co2_and_says_why(
    spark: SparkSession, ship: dict[str, Any], day: dict[str, Any], note: str
) -> None:
    row = only(rated(spark, [{**fuel_day(JAN_31), **day}], ship))

    assert row.scope_note == note
    assert row.co2_t == pytest.approx(249.12)
    assert (row.cii_rating_ytd, row.cii_rating_2030, row.is_over_limit, row.is_over_limit_2030) == (None,) * 4


def test_a_ship_of_5000_gross_tonnage_is_rated(spark: SparkSession) -> None:
    assert only(rated(spark, [fuel_day(JAN_31)], {**BULKER, "gross_tonnage": 5_000.0})).scope_note is None


def test_rules_from_before_2030_was_decided_rate_the_year_and_leave_2030_open(spark: SparkSession) -> None:
    then = as_known_on(date(2024, 6, 30))
    row = only(rated(spark, [fuel_day(JAN_31)], regulation=then))

    assert (row.cii_rating_ytd, row.cii_required) == ("C", pytest.approx(5.04506633249618, rel=1e-12))
    assert (row.cii_required_2030, row.cii_rating_2030, row.is_over_limit_2030) == (None, None, None)
    assert row.regulation_version == f"{load_regulation().version}@2024-06-30"


def test_a_fuel_without_a_factor_as_the_rules_stood_has_no_co2(spark: SparkSession) -> None:
    day = fuel_day(JAN_31, fuel_hfo_t=None, fuel_ethane_t=10.0)

    assert only(rated(spark, [day])).co2_t == pytest.approx(29.27)
    assert only(rated(spark, [day], regulation=as_known_on(date(2022, 12, 15)))).co2_t is None


def test_a_day_of_a_guessed_ship_takes_the_rating_of_the_rest_of_its_year(spark: SparkSession) -> None:
    days = [fuel_day(JAN_31 + timedelta(days=n), quality="very_low" if n == 1 else "high") for n in range(3)]
    rows = rated(spark, days)
    notes = [rows[day["mmsi"], day["reported_on"]].scope_note for day in days]
    ratings = [rows[day["mmsi"], day["reported_on"]].cii_rating_ytd for day in days]

    assert notes == [None, *["fuel of a guessed ship in the year so far"] * 2]
    assert ratings == ["C", None, None]
