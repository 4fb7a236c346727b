"""Carbon intensity of single voyages: from which days, held to what, and how sure."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pyspark.sql import DataFrame, Row, SparkSession

from contracts.regulation import load_regulation
from contracts.tables import (
    GOLD_VOYAGE_ANALYTICS,
    GOLD_VOYAGE_EMISSIONS,
    SILVER_EMISSIONS,
    SILVER_SHIP_REGISTER,
    Table,
)
from lakehouse.schema import spark_schema
from lakehouse.transforms.uncertainty import FuelError
from lakehouse.transforms.voyage_emissions import voyage_emissions

SHIP = {
    "imo_number": 9074729, "cii_ship_type": "bulk_carrier", "dwt_t": 50_000.0, "gross_tonnage": 30_000.0,
    "source": "twin",
}  # fmt: skip
VOYAGE = {
    "voyage_id": "v", "mmsi": 230_000_001, "departed_on": date(2026, 3, 1), "status": "arrived", "source": "twin",
    "departed_at": datetime(2026, 3, 1, 12, tzinfo=UTC), "arrived_at": datetime(2026, 3, 11, 12, tzinfo=UTC),
    "duration_hours": 240.0,
}  # fmt: skip


def frame(spark: SparkSession, table: Table, *rows: dict[str, Any]) -> DataFrame:
    values = [tuple(row.get(name) for name in table.columns) for row in rows]
    return spark.createDataFrame(values, spark_schema(table))


def fuel_day(day: int, **changes: object) -> dict[str, Any]:
    """A day of March 2026 with 30 t of HFO over 300 nm."""
    return {
        "mmsi": 230_000_001, "imo_number": 9074729, "reported_on": date(2026, 3, 1) + timedelta(days=day - 1),
        "distance_nm": 300.0, "fuel_hfo_t": 30.0, "method": "reported", "quality": "high", "source": "twin", **changes,
    }  # fmt: skip


def rated(spark: SparkSession, *days: dict[str, Any], **changes: object) -> list[Row]:
    found = voyage_emissions(
        frame(spark, GOLD_VOYAGE_ANALYTICS, {**VOYAGE, **changes}),
        frame(spark, SILVER_EMISSIONS, *days),
        frame(spark, SILVER_SHIP_REGISTER, SHIP),
        load_regulation(),
        [2026],
        FuelError(5, 15, 30),
    )
    assert found.columns == GOLD_VOYAGE_EMISSIONS.columns
    return found.collect()


def test_a_voyage_is_known_by_the_days_that_lie_wholly_in_it(spark: SparkSession) -> None:
    ends = [fuel_day(1, fuel_hfo_t=500.0), fuel_day(11, fuel_hfo_t=500.0)]  # half of each was spent in port
    (voyage,) = rated(spark, *ends, *(fuel_day(day) for day in range(2, 11)))

    assert (voyage.days_inside, voyage.known_share) == (9, pytest.approx(0.9))
    assert voyage.co2_inside_t == pytest.approx(9 * 30 * 3.114)
    assert voyage.voyage_cii == pytest.approx(30 * 3.114 * 1e6 / (50_000 * 300))
    assert voyage.cii_required > 0
    assert voyage.cii_rating in "ABCDE"
    assert voyage.cii_low_90 < voyage.voyage_cii < voyage.cii_high_90


def test_days_that_differ_and_are_few_make_a_voyage_less_sure(spark: SparkSession) -> None:
    uneven = [fuel_day(day, fuel_hfo_t=20.0 + 4.0 * (day % 5)) for day in range(2, 11)]
    (most,) = rated(spark, *uneven)
    (some,) = rated(spark, *uneven[::2])

    def width(voyage: Row) -> float:
        return float(voyage.cii_high_90 / voyage.cii_low_90)

    assert width(most) < width(some)


def test_a_voyage_of_which_two_days_are_known_has_no_interval(spark: SparkSession) -> None:
    (voyage,) = rated(spark, fuel_day(2), fuel_day(3, fuel_hfo_t=33.0))

    assert voyage.voyage_cii is not None
    assert (voyage.cii_low_90, voyage.cii_high_90, voyage.is_near_boundary) == (None, None, None)


def test_a_voyage_under_way_or_without_a_whole_day_is_not_told(spark: SparkSession) -> None:
    assert rated(spark, fuel_day(2), arrived_at=None, duration_hours=None) == []
    assert rated(spark, fuel_day(1), fuel_day(11)) == []


def test_a_guessed_ship_has_an_intensity_only_if_the_register_knows_it_and_never_a_letter(spark: SparkSession) -> None:
    (guessed,) = rated(spark, *(fuel_day(day, method="modelled", quality="very_low") for day in range(2, 11)))
    (unknown,) = rated(spark, *(fuel_day(day, imo_number=9319466) for day in range(2, 11)))

    assert (guessed.cii_rating, guessed.scope_note) == (None, "fuel of a guessed ship of the voyage")
    assert guessed.voyage_modelled_share == 1.0
    assert (unknown.voyage_cii, unknown.scope_note) == (None, "not in the ship register")
