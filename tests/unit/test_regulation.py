"""The regulation data, against worked examples that others published or that were computed to 30 digits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from contracts.errors import ConfigurationError
from contracts.fields import FUEL_KINDS
from contracts.regulation import load_regulation
from lakehouse.transforms.cii import attained, limits, rating

REGULATION = load_regulation()


def required(cii_ship_type: str, capacity: float, year: int) -> float:
    found = limits(REGULATION, cii_ship_type, capacity, year)
    assert found is not None
    return found.required


def test_the_bulk_carrier_of_the_published_test_plan_is_rated_c() -> None:
    found = limits(REGULATION, "bulk_carrier", 50_000, 2026)

    assert found is not None
    assert attained(249.12, 50_000.0, 1_000.0) == pytest.approx(4.9824, rel=1e-12)
    assert found.required == pytest.approx(5.04506633249618206053073653978, rel=1e-12)
    assert found.boundaries == pytest.approx(
        (4.33875704594671657205643342421, 4.74236235254641113689889234739,
         5.34777031244595298416258073217, 5.95317827234549483142626911694),
        rel=1e-12,
    )  # fmt: skip
    assert rating(4.9824, found) == "C"


@pytest.mark.parametrize(("boundary", "letter"), [(0, "A"), (1, "B"), (2, "C"), (3, "D")])
def test_a_value_on_a_boundary_gets_the_better_letter(boundary: int, letter: str) -> None:
    found = limits(REGULATION, "bulk_carrier", 50_000, 2026)

    assert found is not None
    assert rating(found.boundaries[boundary], found) == letter
    assert rating(found.boundaries[boundary] + 1e-6, found) == chr(ord(letter) + 1)


@pytest.mark.parametrize(
    ("year", "value", "letter"),
    [
        (2019, 19.184190519387734, "B"), (2023, 18.224980993418345, "B"), (2024, 17.84129718303059, "B"),
        (2025, 17.45761337264284, "C"), (2026, 17.073929562255085, "C"), (2027, 16.570344561121157, "C"),
        (2028, 16.06675955998723, "C"), (2029, 15.563174558853301, "C"), (2030, 15.059589557719374, "C"),
    ],
)  # fmt: skip
def test_the_ro_ro_passenger_ship_of_the_open_calculator_keeps_its_figures(
    year: int, value: float, letter: str
) -> None:
    found = limits(REGULATION, "ro_ro_passenger_ship", 25_000, year)

    assert found is not None
    assert found.required == pytest.approx(value, rel=1e-12)
    assert rating(attained(60_914.0, 25_000.0, 150_000.0), found) == letter


def test_a_very_large_bulk_carrier_works_with_its_real_deadweight_but_is_measured_at_the_cap() -> None:
    assert attained(3_114.0, 300_000.0, 10_000.0) == pytest.approx(1.038, rel=1e-12)
    assert required("bulk_carrier", 300_000, 2026) == pytest.approx(1.73165116327, rel=1e-11)
    assert required("bulk_carrier", 300_000, 2019) == required("bulk_carrier", 279_000, 2019)
    assert required("bulk_carrier", 278_999, 2019) == pytest.approx(1.94567980203, rel=1e-11)


@pytest.mark.parametrize(
    ("cii_ship_type", "capacity", "reference"),
    [
        ("lng_carrier", 50_000, 20.1710100993), ("lng_carrier", 120_000, 9.827),
        ("vehicle_carrier", 70_000, 5.62929263583), ("vehicle_carrier", 29_999, 11.1056967341),
        ("bulk_carrier", 82_000, 4.1671967007), ("gas_carrier", 64_999, 6.81164595714),
        ("gas_carrier", 65_000, 15.522787099), ("container_ship", 150_000, 5.84027157081),
        ("general_cargo_ship", 10_000, 16.4201577865), ("refrigerated_cargo_carrier", 10_000, 27.2118351721),
        ("ro_ro_cargo_ship", 30_000, 13.2556354365), ("cruise_passenger_ship", 100_000, 11.310529806),
    ],
)  # fmt: skip
def test_reference_lines_are_as_published_on_both_sides_of_their_steps(
    cii_ship_type: str, capacity: float, reference: float
) -> None:
    assert required(cii_ship_type, capacity, 2019) == pytest.approx(reference, rel=1e-11)
    assert required(cii_ship_type, capacity, 2030) == pytest.approx(reference * 0.785, rel=1e-11)


def test_a_ship_type_without_a_line_has_no_limits_rather_than_a_guess() -> None:
    assert limits(REGULATION, "tug", 50_000, 2026) is None


def test_a_year_that_nobody_decided_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="2031"):
        REGULATION.reduction_pct(2031)


def test_every_fuel_of_the_contract_has_a_factor_and_every_type_both_tables() -> None:
    assert {factor.fuel_kind for factor in REGULATION.co2_factors} == set(FUEL_KINDS)
    assert {vector.bracket.cii_ship_type for vector in REGULATION.vectors} == set(REGULATION.cii_ship_types)


def test_every_number_names_its_resolution_and_the_day_it_holds_from() -> None:
    r = REGULATION
    tables = [list(r.co2_factors), list(r.lines), list(r.vectors), list(r.reductions), list(r.scopes)]
    origins = [(row.resolution, row.valid_from) for table in tables for row in table]  # type: ignore[attr-defined]

    assert all(resolution.startswith(("MEPC.", "MARPOL ")) for resolution, _ in origins)
    assert all(valid_from >= date(2019, 1, 1) for _, valid_from in origins)


def test_a_later_row_does_not_change_a_year_that_is_over() -> None:
    line = next(line for line in REGULATION.lines if line.bracket.cii_ship_type == "tanker")
    amended = replace(REGULATION, lines=(*REGULATION.lines, replace(line, a=line.a / 2, valid_from=date(2027, 1, 1))))

    before, after = limits(amended, "tanker", 50_000, 2026), limits(amended, "tanker", 50_000, 2027)

    assert before == limits(REGULATION, "tanker", 50_000, 2026)
    assert after is not None
    assert after.required == pytest.approx(required("tanker", 50_000, 2027) / 2, rel=1e-12)
