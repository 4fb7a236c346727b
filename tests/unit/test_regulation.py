"""The regulation data, against worked examples that others published or that were computed to 30 digits."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from batch_jobs.emission_plan import rules_of
from contracts.errors import ConfigurationError, InputError
from contracts.fields import FUEL_KINDS
from contracts.regulation import as_known_on, load_regulation, regulation_as
from contracts.regulation.fuel_grades import fuel_kind_of
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


@pytest.mark.parametrize(
    ("cii_ship_type", "capacity", "in_2026", "in_2030"),
    [
        ("bulk_carrier", 82_000, 3.70880506363, 3.27124941005), ("gas_carrier", 64_999, 6.06236490185, 5.34714207635),
        ("gas_carrier", 65_000, 13.8152805181, 12.1853878727),
        ("container_ship", 150_000, 5.19784169802, 4.58461318308),
        ("general_cargo_ship", 10_000, 14.61394043, 12.8898238624),
        ("refrigerated_cargo_carrier", 10_000, 24.2185333031, 21.3612906101),
        ("vehicle_carrier", 29_999, 9.88407009338, 8.7179719363),
        ("ro_ro_cargo_ship", 30_000, 11.7975155385, 10.4056738177),
        ("cruise_passenger_ship", 100_000, 10.0663715273, 8.87876589772),
    ],
)  # fmt: skip
def test_what_is_required_in_2026_and_2030_is_the_reference_less_the_decided_share(
    cii_ship_type: str, capacity: float, in_2026: float, in_2030: float
) -> None:
    assert required(cii_ship_type, capacity, 2026) == pytest.approx(in_2026, rel=1e-9)
    assert required(cii_ship_type, capacity, 2030) == pytest.approx(in_2030, rel=1e-9)


@pytest.mark.parametrize(
    ("cii_ship_type", "capacity", "boundaries"),
    [
        ("bulk_carrier", 82_000, (3.18957235, 3.48627676, 3.93133337, 4.37638998)),
        ("gas_carrier", 64_999, (5.15301017, 5.75924666, 6.4261068, 7.57795613)),
        ("gas_carrier", 65_000, (11.1903772, 12.5719053, 15.4731142, 19.8940039)),
        ("container_ship", 150_000, (4.31420861, 4.8859712, 5.56169062, 6.18543162)),
        ("general_cargo_ship", 10_000, (12.1295706, 13.737104, 15.4907769, 17.3905891)),
        ("refrigerated_cargo_carrier", 10_000, (18.890456, 22.0388653, 25.9138306, 29.06224)),
        ("vehicle_carrier", 29_999, (8.50030028, 9.29102589, 10.4771143, 11.4655213)),
        ("ro_ro_cargo_ship", 30_000, (8.96611181, 10.4997888, 12.7413168, 14.9828447)),
        ("cruise_passenger_ship", 100_000, (8.75774323, 9.56305295, 10.6703538, 11.676991)),
    ],
)  # fmt: skip
def test_rating_boundaries_are_the_published_vectors_times_the_required_value(
    cii_ship_type: str, capacity: float, boundaries: tuple[float, ...]
) -> None:
    found = limits(REGULATION, cii_ship_type, capacity, 2026)

    assert found is not None
    assert found.boundaries == pytest.approx(boundaries, rel=1e-8)


def test_the_ferry_of_the_open_calculator_keeps_its_boundaries_of_2019() -> None:
    found = limits(REGULATION, "ro_ro_passenger_ship", 25_000, 2019)

    assert found is not None
    assert found.boundaries == pytest.approx(
        (14.579984794734678, 17.649455277836715, 21.869977192102013, 24.939447675204054), rel=1e-12
    )
    assert attained(60_914.0, 25_000.0, 150_000.0) == pytest.approx(16.243733333333335, rel=1e-12)


def test_the_cap_of_a_very_large_bulk_carrier_does_not_reach_its_rating() -> None:
    found = limits(REGULATION, "bulk_carrier", 300_000, 2026)

    assert found is not None
    assert rating(attained(3_114.0, 300_000.0, 10_000.0), found) == "A"
    assert found.boundaries[0] == pytest.approx(1.48922, rel=1e-5)
    assert required("bulk_carrier", 300_000, 2019) == pytest.approx(1.94567546435, rel=1e-11)
    assert required("lng_carrier", 120_000, 2026) == pytest.approx(8.74603, rel=1e-9)


def test_a_small_lng_carrier_works_with_its_own_deadweight_and_is_measured_at_65000() -> None:
    assert attained(1_000.0, 50_000.0, 10_000.0) == pytest.approx(2.0, rel=1e-12)
    assert required("lng_carrier", 50_000, 2019) == required("lng_carrier", 64_999, 2019)
    assert required("lng_carrier", 50_000, 2019) == pytest.approx(14779e10 * 65_000**-2.673, rel=1e-12)
    assert required("lng_carrier", 65_000, 2019) == pytest.approx(14479e10 * 65_000**-2.673, rel=1e-12)


def test_the_required_cii_falls_by_the_steps_of_the_two_resolutions() -> None:
    steps = {year: REGULATION.reduction_pct(year) for year in REGULATION.years}

    assert steps == {
        2019: 0, 2020: 1, 2021: 2, 2022: 3, 2023: 5, 2024: 7, 2025: 9, 2026: 11, 2027: 13.625, 2028: 16.25,
        2029: 18.875, 2030: 21.5,
    }  # fmt: skip


def test_a_tonne_of_each_fuel_makes_the_co2_of_the_table_in_mepc_364() -> None:
    factors = {row.fuel_kind: row.co2_t_per_t for row in REGULATION.co2_factors if row.resolution == "MEPC.364(79)"}

    assert factors == {
        "hfo": 3.114, "lfo": 3.151, "mdo": 3.206, "lng": 2.750, "lpg_propane": 3.000, "lpg_butane": 3.030,
        "ethane": 2.927, "methanol": 1.375, "ethanol": 1.913,
    }  # fmt: skip


def test_a_ship_type_without_a_line_has_no_limits_rather_than_a_guess() -> None:
    assert limits(REGULATION, "tug", 50_000, 2026) is None


def test_a_year_that_nobody_decided_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="2031"):
        REGULATION.reduction_pct(2031)


def test_every_fuel_of_the_contract_has_a_factor_and_every_type_both_tables() -> None:
    assert {factor.fuel_kind for factor in REGULATION.co2_factors} == set(FUEL_KINDS)
    assert {vector.bracket.cii_ship_type for vector in REGULATION.vectors} == set(REGULATION.cii_ship_types)


def test_every_number_names_its_resolution_and_the_day_it_holds_from() -> None:
    rows = REGULATION.rows

    assert all(row.resolution.startswith(("MEPC.", "MARPOL ")) for row in rows)
    assert all(row.valid_from >= date(2019, 1, 1) for row in rows)
    assert all(row.adopted_on and row.adopted_on >= date(2018, 10, 26) for row in rows)


def test_a_later_row_does_not_change_a_year_that_is_over() -> None:
    line = next(line for line in REGULATION.lines if line.bracket.cii_ship_type == "tanker")
    amended = replace(REGULATION, lines=(*REGULATION.lines, replace(line, a=line.a / 2, valid_from=date(2027, 1, 1))))

    before, after = limits(amended, "tanker", 50_000, 2026), limits(amended, "tanker", 50_000, 2027)

    assert before == limits(REGULATION, "tanker", 50_000, 2026)
    assert after is not None
    assert after.required == pytest.approx(required("tanker", 50_000, 2027) / 2, rel=1e-12)


def test_rules_as_known_before_the_2025_decision_end_with_2026() -> None:
    then = as_known_on(date(2025, 4, 10))

    assert then.years == range(2019, 2027)
    assert limits(then, "tanker", 50_000, 2026) == limits(REGULATION, "tanker", 50_000, 2026)
    assert "MEPC.400(83)" not in then.resolutions
    assert as_known_on(date(2025, 4, 11)).years == REGULATION.years


def test_the_factors_of_the_earlier_resolution_stood_until_the_later_was_adopted() -> None:
    then = as_known_on(date(2022, 12, 15))

    assert {row.resolution for row in then.co2_factors} == {"MEPC.308(73)"}
    assert {row.fuel_kind for row in then.co2_factors} == set(FUEL_KINDS) - {"ethane"}


def test_a_day_before_the_reference_lines_were_adopted_is_refused_with_the_first_that_is_known() -> None:
    with pytest.raises(ConfigurationError, match="2022-06-10"):
        as_known_on(date(2022, 6, 9))


def test_a_version_leads_back_to_the_rules_that_it_names() -> None:
    then = as_known_on(date(2024, 6, 30))

    assert then.version == f"{REGULATION.version}@2024-06-30"
    assert regulation_as(then.version) == then
    assert regulation_as(REGULATION.version) == regulation_as(None) == REGULATION
    assert regulation_as("0123456789ab@2024-06-30") == then
    with pytest.raises(ConfigurationError, match="June"):
        regulation_as(f"{REGULATION.version}@June")


def test_a_number_without_a_day_of_adoption_is_known_from_the_day_it_holds() -> None:
    reductions = tuple(replace(row, adopted_on=None) for row in REGULATION.reductions)
    then = as_known_on(date(2024, 6, 30), replace(REGULATION, reductions=reductions))

    assert then.years == range(2019, 2025)


def test_of_two_rows_that_hold_from_one_day_the_one_adopted_later_wins() -> None:
    reductions = [replace(row, reduction_pct=12.0, adopted_on=date(2026, 1, 1)) for row in REGULATION.reductions]
    amended = replace(REGULATION, reductions=(*reductions, *REGULATION.reductions))

    assert amended.reduction_pct(2026) == 12.0
    assert as_known_on(date(2025, 12, 31), amended).reduction_pct(2026) == 11.0


@pytest.mark.parametrize(
    ("grade", "kind", "is_assumed"),
    [("DMA", "mdo", False), ("RMD 80", "lfo", False), ("rmg 380", "hfo", False), (None, "lfo", True),
     ("VLSFO", "lfo", True), ("", "lfo", True)],
)  # fmt: skip
def test_low_sulphur_fuel_has_the_factor_of_its_grade_and_a_guess_is_said_to_be_one(
    grade: str | None, kind: str, *, is_assumed: bool
) -> None:
    assert fuel_kind_of(grade) == (kind, is_assumed)


def test_the_emissions_report_rates_by_the_rules_of_the_day_asked_for() -> None:
    assert rules_of("2024-06-30") == as_known_on(date(2024, 6, 30))
    assert rules_of(None) == REGULATION
    with pytest.raises(InputError, match="--as-known-on"):
        rules_of("June 2024")
