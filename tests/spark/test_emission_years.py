"""CII of calendar years: rating, consequence, outlook to 2030, year end and uncertainty, on Spark."""

from __future__ import annotations

import math
from collections.abc import Iterable
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F
from scipy import stats  # type: ignore[import-untyped]

from contracts.regulation import Regulation, as_known_on, load_regulation
from contracts.settings import Settings
from contracts.tables import (
    GOLD_EMISSION_OUTLOOK,
    GOLD_EMISSION_YEAR,
    GOLD_TRACK_FUEL,
    SILVER_EMISSIONS,
    SILVER_SHIP_REGISTER,
    Table,
)
from lakehouse.evidence.link import Basis
from lakehouse.evidence.links import LINKS
from lakehouse.schema import spark_schema
from lakehouse.transforms import uncertainty
from lakehouse.transforms.emission_outlook import emission_outlook
from lakehouse.transforms.emission_years import BROKEN_IMO, RATED_E, THIRD_D, emission_years
from lakehouse.transforms.uncertainty import FuelError

BULKER = {"imo_number": 9074729, "cii_ship_type": "bulk_carrier", "dwt_t": 50_000.0, "gross_tonnage": 30_000.0}
FERRY = {"imo_number": 9319466, "cii_ship_type": "ro_ro_passenger_ship", "dwt_t": 7_000.0, "gross_tonnage": 25_000.0}
EXACT = FuelError(0.0, 0.0, 0.0)
RULES = load_regulation()
LETTERS = [f"rating_{letter}_probability" for letter in "abcde"]


def fuel_day(reported_on: date, **changes: object) -> dict[str, Any]:
    """The bulk carrier's day of the published example: 80 t of HFO over 1,000 nm."""
    return {
        "mmsi": 230_000_001, "imo_number": BULKER["imo_number"], "reported_on": reported_on, "distance_nm": 1_000.0,
        "underway_h": 20.0, "fuel_hfo_t": 80.0, "method": "reported", "quality": "high", "source": "twin", **changes,
    }  # fmt: skip


def frame(spark: SparkSession, table: Table, rows: Iterable[dict[str, Any]]) -> DataFrame:
    return spark.createDataFrame([tuple(row.get(c) for c in table.columns) for row in rows], spark_schema(table))


def rated(
    spark: SparkSession,
    days: list[dict[str, Any]],
    *,
    years: Iterable[int] = (2026,),
    regulation: Regulation = RULES,
    error: FuelError = EXACT,
    ships: Iterable[dict[str, Any]] = (BULKER, FERRY),
) -> tuple[DataFrame, DataFrame]:
    """Vessel-years, computed once as the table holds them, and the register."""
    register = frame(spark, SILVER_SHIP_REGISTER, ships)
    found = emission_years(frame(spark, SILVER_EMISSIONS, days), register, regulation, years, error)
    assert found.columns == GOLD_EMISSION_YEAR.columns
    return found.localCheckpoint(), register


def tables(spark: SparkSession, days: list[dict[str, Any]], **given: Any) -> tuple[list[Row], list[Row]]:
    found, register = rated(spark, days, **given)
    outlook = emission_outlook(found, register, given.get("regulation", RULES))
    assert outlook.columns == GOLD_EMISSION_OUTLOOK.columns
    return found.orderBy("vessel_id", "year").collect(), outlook.orderBy("vessel_id", "target_year").collect()


def only(spark: SparkSession, days: list[dict[str, Any]], **given: Any) -> Row:
    (row,) = rated(spark, days, **given)[0].collect()
    return row


def imo(number: int) -> int:
    """One IMO number of many, with its check digit."""
    digits = f"{900_000 + number}"
    return (
        int(digits) * 10 + sum(int(digit) * weight for digit, weight in zip(digits, range(7, 1, -1), strict=True)) % 10
    )


def run_of(first: date, days: int, **changes: object) -> list[dict[str, Any]]:
    return [fuel_day(first + timedelta(days=n), **changes) for n in range(days)]


def test_the_bulk_carrier_of_the_published_test_plan_falls_to_d_in_2029(spark: SparkSession) -> None:
    (row,), outlook = tables(spark, [fuel_day(date(2026, 12, 31))])

    assert (row.cii_metric, row.co2_year_t, row.fuel_hfo_year_t) == ("AER", pytest.approx(249.12), 80.0)
    assert row.cii_attained == pytest.approx(4.9824, rel=1e-12)
    assert row.cii_required == pytest.approx(5.04506633249618206053073653978, rel=1e-12)
    boundaries = [row.cii_superior_boundary, row.cii_lower_boundary, row.cii_upper_boundary, row.cii_inferior_boundary]
    assert boundaries == pytest.approx(
        (4.33875704594671657205643342421, 4.74236235254641113689889234739,
         5.34777031244595298416258073217, 5.95317827234549483142626911694),
        rel=1e-12,
    )  # fmt: skip
    assert "".join(target.cii_rating for target in outlook) == "CCCDD"
    assert [target.target_year for target in outlook] == [2026, 2027, 2028, 2029, 2030]
    assert (row.cii_rating, row.consequence, row.first_year_d_or_e) == ("C", "none", 2029)
    of_2030 = 5.66861385673728321407947925818 * 0.785
    assert outlook[-1].cii_required == pytest.approx(of_2030, rel=1e-12)
    assert row.cut_for_c_in_2030_pct == pytest.approx((1 - 1.06 * of_2030 / 4.9824) * 100, rel=1e-9)
    assert [target.cut_for_c_pct > 0 for target in outlook] == [False, False, False, True, True]


def test_the_ro_ro_passenger_ship_of_the_open_calculator_is_a_c_to_2030(spark: SparkSession) -> None:
    day = fuel_day(date(2023, 12, 31), imo_number=9319466, fuel_hfo_t=None, fuel_mdo_t=19_000.0, distance_nm=150_000.0)
    (row,), outlook = tables(spark, [day], years=[2023])

    assert (row.cii_metric, row.cii_attained) == ("cgDIST", pytest.approx(16.243733333333335, rel=1e-12))
    required = {target.target_year: target.cii_required for target in outlook}
    assert required == pytest.approx(
        {2023: 18.224980993418345, 2024: 17.84129718303059, 2025: 17.45761337264284, 2026: 17.073929562255085,
         2027: 16.570344561121157, 2028: 16.06675955998723, 2029: 15.563174558853301, 2030: 15.059589557719374},
        rel=1e-12,
    )  # fmt: skip
    assert "".join(target.cii_rating for target in outlook) == "BBCCCCCC"
    assert (row.first_year_d_or_e, row.cut_for_c_in_2030_pct) == (None, 0.0)


def test_rules_from_before_2030_was_decided_leave_2030_open(spark: SparkSession) -> None:
    (row,), outlook = tables(spark, [fuel_day(date(2026, 1, 1))], regulation=as_known_on(date(2024, 6, 30)))

    assert (row.cii_rating, row.cut_for_c_in_2030_pct) == ("C", None)
    assert [target.target_year for target in outlook] == [2026]


def test_a_third_d_in_a_row_or_an_e_asks_for_a_plan(spark: SparkSession) -> None:
    cases: list[tuple[dict[int, float], int, str]] = [
        ({2024: 98.0, 2025: 95.0, 2026: 94.0}, 3, THIRD_D),
        ({2024: 60.0, 2025: 95.0, 2026: 94.0}, 2, "none"),
        ({2024: 98.0, 2025: 60.0, 2026: 94.0}, 1, "none"),
        ({2024: 98.0, 2026: 94.0}, 1, "none"),
        ({2025: 95.0, 2026: 80.0}, 0, "none"),
        ({2026: 120.0}, 0, RATED_E),
    ]
    numbers = [imo(n) for n in range(len(cases))]
    days = [
        fuel_day(date(year, 12, 31), imo_number=number, fuel_hfo_t=tonnes)
        for number, (hfo_t, _, _) in zip(numbers, cases, strict=True)
        for year, tonnes in hfo_t.items()
    ]
    found, _ = rated(spark, days, ships=[{**BULKER, "imo_number": number} for number in numbers])
    told = {row.vessel_id: (row.d_years_running, row.consequence) for row in found.collect()}

    assert [told[number] for number in numbers] == [(running, said) for _, running, said in cases]


def test_a_year_is_all_its_days_under_every_flag_and_over_once_a_later_day_is_reported(spark: SparkSession) -> None:
    days = [
        *run_of(date(2025, 1, 1), 10), *run_of(date(2025, 12, 22), 10, mmsi=636_000_001),
        fuel_day(date(2025, 12, 31), fuel_hfo_t=None, fuel_mdo_t=1.0, distance_nm=0.0),
        *run_of(date(2026, 1, 1), 5, mmsi=636_000_001), fuel_day(date(2026, 1, 8), mmsi=636_000_001),
    ]  # fmt: skip
    (old, new), _ = tables(spark, days, years=[2025, 2026])

    assert (old.vessel_id, old.mmsi, old.days_reported, old.days_in_year) == (9074729, 636_000_001, 20, 365)
    assert (old.distance_year_nm, old.fuel_hfo_year_t, old.fuel_mdo_year_t) == (20_000.0, 1_600.0, 1.0)
    assert (old.underway_year_h, old.total_fuel_year_t) == (420.0, 1_601.0)
    assert (old.is_year_over, old.reported_share, old.days_remaining) == (True, pytest.approx(20 / 365), 0)
    assert (old.first_on, old.last_on) == (date(2025, 1, 1), date(2025, 12, 31))
    assert (old.cii_projected, old.warning) == (None, None)
    assert (new.is_year_over, new.reported_share, new.days_remaining) == (False, pytest.approx(6 / 8), 357)


def test_a_ship_that_cannot_be_rated_says_why_and_has_no_outlook(spark: SparkSession) -> None:
    guessed, still = imo(1), imo(2)
    cases: list[tuple[dict[str, Any], str]] = [
        ({"imo_number": 9074728}, BROKEN_IMO),
        ({"imo_number": 8814275}, "not in the ship register"),
        ({"imo_number": None}, "no IMO number reported"),
        ({"imo_number": guessed, "quality": "very_low", "method": "modelled"},
         "fuel of a guessed ship in the year so far"),
        ({"imo_number": still, "distance_nm": 0.0}, "no distance or no fuel known this year so far"),
    ]  # fmt: skip
    days = [fuel_day(date(2026, 1, 1), mmsi=230_000_001 + n, **changes) for n, (changes, _) in enumerate(cases)]
    rows, outlook = tables(spark, days, ships=[{**BULKER, "imo_number": number} for number in (guessed, still)])

    assert {row.mmsi: row.scope_note for row in rows} == {230_000_001 + n: note for n, (_, note) in enumerate(cases)}
    assert outlook == []
    for row in rows:
        assert row.co2_year_t == pytest.approx(249.12)
        for name in ("cii_rating", "consequence", "first_year_d_or_e", "warning", *LETTERS, "is_near_boundary"):
            assert row[name] is None, name


def test_the_rest_of_the_year_is_projected_from_the_last_30_days(spark: SparkSession) -> None:
    """100 days at 80 t, then 30 at 120 t; 235 remain. Days without a report count like the reported ones."""
    days = [*run_of(date(2026, 1, 1), 100), *run_of(date(2026, 4, 11), 30, fuel_hfo_t=120.0)]
    row = only(spark, days)

    assert row.days_remaining == 235
    assert row.cii_30d == pytest.approx(120 * 3.114 * 1e6 / (50_000 * 1_000))
    whole = (100 * 80 + 30 * 120 + 235 * 120) * 3.114 / 365 * 1e6 / (50_000 * 1_000)
    assert row.cii_projected == pytest.approx(whole, rel=1e-12)
    assert (row.cii_rating, row.cii_rating_projected) == ("D", "E")
    assert row.warning == "the year heads for E; the last 30 days are above the required CII"
    ends_at = (row.cii_attained * 130 + row.cii_rest_limit * 235) / 365
    assert ends_at == pytest.approx(row.cii_upper_boundary, rel=1e-12)

    sparse = only(spark, [*days[:100:2], *days[100::2]])
    assert sparse.cii_projected == pytest.approx(whole, rel=2e-3)


def test_a_year_that_keeps_its_limit_brings_no_warning(spark: SparkSession) -> None:
    row = only(spark, run_of(date(2026, 1, 1), 60))

    assert (row.cii_rating_projected, row.warning) == ("C", None)


def noisy_year(seed: int = 1, days: int = 366) -> list[dict[str, Any]]:
    """A year of voyages and port days in turn: in port there is fuel and no distance."""
    rng = np.random.default_rng(seed)
    at_sea = np.repeat(rng.random(days // 3 + 1) < 0.6, 3)[:days]
    fuel = np.where(at_sea, 30 + 4 * rng.standard_normal(days), 4.0)
    miles = np.where(at_sea, 330 + 20 * rng.standard_normal(days), 0.0)
    first = date(2024, 1, 1)
    return [
        fuel_day(first + timedelta(days=n), fuel_hfo_t=float(fuel[n]), distance_nm=float(miles[n])) for n in range(days)
    ]


def test_the_interval_of_a_sample_of_days_is_that_of_a_ratio_estimator(spark: SparkSession) -> None:
    year = noisy_year()
    kept = sorted(np.random.default_rng(2).choice(365, 70, replace=False))
    sample = [*(year[i] for i in kept), year[365]]
    row = only(spark, sample, years=[2024])

    n, co2 = len(sample), np.array([day["fuel_hfo_t"] * 3.114 for day in sample])
    miles = np.array([day["distance_nm"] for day in sample])
    residuals = co2 - co2.sum() / miles.sum() * miles
    variance = (1 - n / 366) * residuals.var(ddof=1) / n / co2.mean() ** 2
    plain = stats.t.ppf(0.95, n - 1) * math.sqrt(variance)
    width = math.log(row.cii_high_90 / row.cii_attained)
    assert plain * 0.999 <= width <= plain * 1.5  # never narrower, and wider only as far as days are clumped
    assert math.log(row.cii_attained / row.cii_low_90) == pytest.approx(width)
    whole = only(spark, year, years=[2024]).cii_attained
    assert row.cii_low_90 < whole < row.cii_high_90


def test_days_that_are_missing_in_a_row_tell_less_than_days_here_and_there(spark: SparkSession) -> None:
    year = noisy_year()
    here_and_there = only(spark, [*year[:-1:2], year[-1]], years=[2024])
    in_a_row = only(spark, [*year[:183], year[-1]], years=[2024])

    def width(row: Row) -> float:
        return math.log(row.cii_high_90 / row.cii_attained)

    assert here_and_there.days_reported == in_a_row.days_reported == 184
    assert width(in_a_row) > 1.3 * width(here_and_there)


def test_a_year_without_a_gap_is_as_unsure_as_its_fuel(spark: SparkSession) -> None:
    year = noisy_year()
    exact, reported = only(spark, year, years=[2024]), only(spark, year, years=[2024], error=FuelError(5, 15, 30))
    modelled = [{**day, "method": "modelled", "quality": "low"} for day in year]
    guessed = only(spark, modelled, years=[2024], error=FuelError(5, 15, 30))

    assert exact.cii_low_90 == exact.cii_attained == exact.cii_high_90
    assert reported.cii_high_90 / reported.cii_attained == pytest.approx(math.exp(0.05), rel=1e-5)
    assert guessed.cii_high_90 / guessed.cii_attained == pytest.approx(math.exp(0.30), rel=1e-5)
    assert (reported.modelled_co2_share, guessed.modelled_co2_share) == (0.0, 1.0)
    assert [exact[name] for name in LETTERS if exact[name]] == [1.0]
    assert exact.is_near_boundary is False


def test_a_rating_on_a_boundary_is_said_to_be_near_it(spark: SparkSession) -> None:
    at_boundary = 5.34777031244595298 * 50_000 * 1_000 / 1e6 / 3.114
    days = run_of(date(2026, 1, 1), 90, fuel_hfo_t=at_boundary * (1 - 1e-9))
    row = only(spark, days, error=FuelError(5, 15, 30))

    assert (row.cii_rating, row.is_near_boundary) == ("C", True)
    assert row.rating_c_probability == pytest.approx(0.5, abs=1e-3)
    assert row.rating_d_probability == pytest.approx(0.5, abs=1e-3)
    assert sum(row[name] for name in LETTERS) == pytest.approx(1.0)
    far_off = run_of(date(2026, 1, 1), 90, fuel_hfo_t=60.0)
    assert only(spark, far_off, error=FuelError(5, 15, 30)).is_near_boundary is False


def test_of_three_days_in_ten_nothing_is_said(spark: SparkSession) -> None:
    row = only(spark, [fuel_day(date(2026, 1, day), fuel_hfo_t=80.0 + day) for day in (1, 5, 10)])

    assert (row.cii_rating, row.cii_low_90, row.rating_c_probability, row.is_near_boundary) == ("C", None, None, None)


def test_a_row_comes_about_from_its_own_ships_days_and_register_alone(spark: SparkSession) -> None:
    days = [*noisy_year(), *run_of(date(2024, 3, 1), 20, mmsi=230_000_002, imo_number=9319466)]
    years, outlook = tables(spark, days, years=[2024], error=FuelError(*Settings().fuel_error_pct))
    given = {
        SILVER_EMISSIONS: frame(spark, SILVER_EMISSIONS, days),
        SILVER_SHIP_REGISTER: frame(spark, SILVER_SHIP_REGISTER, (BULKER, FERRY)),
        GOLD_TRACK_FUEL: frame(spark, GOLD_TRACK_FUEL, [{**days[-1], "mmsi": 3, "track_id": "another ship's"}]),
        GOLD_EMISSION_YEAR: frame(spark, GOLD_EMISSION_YEAR, (year.asDict() for year in years)),
    }
    for table, row in ((GOLD_EMISSION_YEAR, years[0]), (GOLD_EMISSION_OUTLOOK, outlook[0])):
        link, wanted = LINKS[table], row.asDict()
        needed = {of.name: select(given[of], [wanted]) for of, select in link.needs.items()}
        assert all(frame.count() < given[of].count() for of in link.needs for frame in [needed[of.name]])
        anew = [each.asDict() for each in link.derive(needed, [wanted], Basis(Settings(), RULES)).collect()]
        (same,) = [each for each in anew if all(each[key.name] == row[key.name] for key in table.key)]
        assert same == {name: pytest.approx(v) if isinstance(v, float) else v for name, v in wanted.items()}


def test_the_distributions_are_those_of_the_tables(spark: SparkSession) -> None:
    at = [-4.0, -1.6448536269514722, -0.3, 0.0, 0.7, 2.5]
    below = spark.createDataFrame([(z,) for z in at], "z double").select(uncertainty.normal_cdf(F.col("z"))).collect()
    assert [row[0] for row in below] == pytest.approx(stats.norm.cdf(at), abs=2e-7)

    freedom = [3.0, 5.0, 10.0, 30.0, 300.0]
    widths = spark.createDataFrame([(v,) for v in freedom], "v double").select(
        uncertainty.half_width(F.lit(1.0), F.col("v"))
    )
    for (width,), exact in zip(widths.collect(), stats.t.ppf(0.95, freedom), strict=True):
        assert exact * 0.999 <= width <= exact * 1.13  # on the safe side where degrees are few
