"""What the emissions report says of calendar years, without Spark."""

from __future__ import annotations

import csv
import re
import subprocess
from datetime import date
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from batch_jobs import charts, dcs, emission_report, map_chart, trails, what_if, year_report
from contracts.errors import InputError
from contracts.fields import FUEL_KINDS
from contracts.land import land
from contracts.regulation import load_regulation
from contracts.regulation.heating_values import heating_values
from contracts.tables import GOLD_EMISSION_YEAR

BOUNDARIES = (4.34, 4.74, 5.35, 5.95)


def year(**changes: Any) -> dict[str, Any]:
    return {
        **dict.fromkeys(GOLD_EMISSION_YEAR.columns), "vessel_id": 9074729, "imo_number": 9074729, "mmsi": 230_000_001,
        "year": 2026, "cii_ship_type": "bulk_carrier", "gross_tonnage": 30_000.0, "dwt_t": 50_000.0,
        "distance_year_nm": 1_000.0, "underway_year_h": 80.0, "fuel_hfo_year_t": 80.0, "co2_year_t": 249.12,
        "cii_attained": 4.9824, "cii_required": 5.045, "cii_rating": "C", "modelled_co2_share": 0.0, "source": "twin",
        **changes,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "speed_pct", "fuel_kind"),
    [("speed=-10%", -10.0, None), ("speed=+5.5%", 5.5, None), ("fuel=lng", None, "lng")],
)
def test_a_what_if_is_a_change_of_speed_or_another_fuel(
    text: str, speed_pct: float | None, fuel_kind: str | None
) -> None:
    asked = what_if.parse(text, 9074729)

    assert asked is not None
    assert (asked.speed_pct, asked.fuel_kind, asked.vessel) == (speed_pct, fuel_kind, 9074729)


@pytest.mark.parametrize("text", ["speed=-10", "speed=-60%", "speed=+30%", "fuel=coal", "slower", "speed=%"])
def test_a_what_if_that_cannot_be_reckoned_says_what_to_write(text: str) -> None:
    with pytest.raises(InputError, match=r"speed=-10%|-50% to \+20%"):
        what_if.parse(text, None)


def test_a_vessel_without_a_what_if_is_refused() -> None:
    assert what_if.parse(None, None) is None
    with pytest.raises(InputError, match="add --what-if"):
        what_if.parse(None, 9074729)


def test_every_fuel_has_a_heating_value_of_the_imos_table() -> None:
    found = heating_values()

    assert set(found) == set(FUEL_KINDS)
    assert (found["hfo"], found["mdo"], found["lng"], found["methanol"]) == (40_200, 42_700, 48_000, 19_900)


def test_the_dcs_table_names_ships_of_the_tonnage_that_reports_with_fuel_by_kind() -> None:
    ships = [year(), year(gross_tonnage=4_999.0), year(imo_number=None), year(gross_tonnage=None)]
    (row,) = dcs.rows(ships, load_regulation())

    assert set(row) >= set(dcs.COLUMNS)
    assert (row["imo_number"], row["heavy_fuel_oil_t"], row["diesel_gas_oil_t"]) == (9074729, 80.0, None)
    assert (row["hours_under_way_h"], row["deadweight_t"], row["method"]) == (80.0, 50_000.0, "reported")
    assert "not the official form" in row["statement"]
    assert dcs.rows([year(modelled_co2_share=0.25)], load_regulation())[0]["method"] == "25% of CO2 modelled"


def test_the_files_hold_the_years_as_csv_and_parquet_with_units(tmp_path: Path) -> None:
    files = year_report.write_files(tmp_path, "emissions", [year(), year(year=2025)], load_regulation(), [])

    assert [file.name for file in files] == [
        "emissions_years.csv", "emissions_years.parquet", "imo_dcs_2025.csv", "imo_dcs_2026.csv",
    ]  # fmt: skip
    table = pq.read_table(files[1])
    assert table.column_names == GOLD_EMISSION_YEAR.columns
    assert table.schema.field("co2_year_t").metadata[b"unit"] == b"t"
    assert [row["year"] for row in csv.DictReader(files[0].open())] == ["2026", "2025"]


def test_the_reasons_of_unrated_ships_are_counted_and_name_them() -> None:
    ships = [year(scope_note="not in the ship register", vessel_id=n) for n in range(9)]
    first, second = year_report.unrated([*ships, year(scope_note="capacity unknown"), year()])

    assert (first["vessels"], second["scope_note"], second["named"]) == (9, "capacity unknown", "9074729")
    assert first["named"] == "0, 1, 2, 3, 4, 5, 6, 7, …"
    assert first["co2_t"] == pytest.approx(9 * 249.12)


@pytest.mark.parametrize(
    ("unit", "baseline", "words"),
    [
        ("dwt", None, "no 2008 baseline of this fleet was given"),
        ("dwt", 10.0, "40.0 % below the 2008 baseline given, 10 g/(t nm)"),
        ("dwt", 5.0, "20.0 % above the 2008 baseline given"),
        ("gt", 10.0, "measured by gross tonnage"),
    ],
)
def test_the_fleet_is_held_to_2008_only_by_a_baseline_that_was_given(
    unit: str, baseline: float | None, words: str
) -> None:
    assert words in year_report.against_2008({"capacity_unit": unit, "fleet_intensity": 6.0}, baseline)


def test_a_cii_is_drawn_in_the_colour_of_its_letter() -> None:
    for value, letter in ((4.0, "A"), (4.5, "B"), (5.0, "C"), (5.6, "D"), (6.5, "E")):
        drawn = charts.on_scale(value, (value * 0.95, value * 1.05), BOUNDARIES)
        at = float(re.findall(r'cx="([\d.]+)"', drawn)[0])
        parts = re.findall(r'<rect x="([\d.]+)" y="5" width="([\d.]+)" height="8" fill="(#\w+)"', drawn)
        under = [colour for left, width, colour in parts if float(left) <= at < float(left) + float(width)]
        assert under == [charts.RATING_COLOURS[letter]]


def test_ratings_to_2030_are_drawn_with_their_letters_and_numbers() -> None:
    drawn = charts.ratings_by_year({2026: {"A": 3, "C": 41}, 2030: {"D": 44}}, "rated ships", "ships & letters")

    for text in (">A 3<", ">C 41<", ">D 44<", ">2026<", ">2030<", 'role="img" aria-label="ships &amp; letters"'):
        assert text in drawn


def test_a_line_over_days_has_a_hole_where_there_is_no_day() -> None:
    def points(days: list[int]) -> int:
        drawn = charts.days({"each day": {date(2026, 1, day): 1.0 for day in days}}, "t CO2", "a plot")
        lines = re.findall(r'<path d="(M[^"]*)"[^>]*stroke: #d9822b', drawn)
        return max(int(line.count("M")) for line in lines)

    assert (points([1, 2, 3, 4]), points([1, 2, 8, 9])) == (1, 2)


def test_a_plot_of_days_goes_back_a_year_at_most() -> None:
    first, last = date(2022, 1, 3), date(2024, 2, 29)

    drawn = emission_report._last_year({first: 1.0, date(2023, 3, 1): 2.0, last: 3.0})

    assert drawn == {date(2023, 3, 1): 2.0, last: 3.0}


def test_a_map_shows_land_ways_and_the_names_that_have_room() -> None:
    way = ([60.2, 59.3], [24.9, 18.1], True)
    ports = [(60.2, 24.9, "HELSINKI"), (60.2, 24.8, "BESIDE"), (59.3, 18.1, "STOCKHOLM")]
    drawn = map_chart.world([way], ports, ("recorded", "twin (generated)"), "a map")

    assert [name in drawn for name in ("HELSINKI", "BESIDE", "STOCKHOLM")] == [True, False, True]
    assert map_chart.LAND in drawn
    whole = map_chart.world([([80.0, -70.0], [-179.0, 179.0], False)], [], ("a", "b"), "the earth")
    assert (">100\N{DEGREE SIGN} S<" in whole, ">80\N{DEGREE SIGN} S<" in whole) == (False, True)


def test_the_land_of_maps_lies_on_the_earth_and_each_outline_is_closed() -> None:
    outlines = land()

    assert len(outlines) > 700
    assert all(ring[0] == ring[-1] and len(ring) > 3 for ring in outlines)
    assert max(abs(x) for ring in outlines for x, _ in ring) == 180
    assert max(abs(y) for ring in outlines for _, y in ring) <= 90


def test_a_command_of_a_page_is_one_line_that_a_shell_takes_apart_again() -> None:
    text = "SELECT '$x', \"a`b\\c\" FROM gold.vessel_day"

    command = ["sh", "-c", f"printf %s {trails.in_quotes(text)}"]
    assert subprocess.run(command, capture_output=True, text=True, check=True).stdout == text
    assert trails.literal("O'Neill {1}").format() == "'O''Neill {1}'"
    assert trails.key_of({"day": date(2026, 1, 2), "id": "a b"}, "day", "id") == "day=2026-01-02 'id=a b'"
