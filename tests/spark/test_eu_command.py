"""``maritime-emissions --compliance-check eu-ets`` and ``fueleu``, as people run them."""

from __future__ import annotations

import csv
import json
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from batch_jobs.emissions import main
from contracts.settings import Settings
from contracts.tables import (
    GOLD_EU_ETS_YEAR,
    GOLD_FUELEU_YEAR,
    OPS_RUNS,
    SILVER_EMISSIONS,
    SILVER_SHIP_REGISTER,
    SILVER_VOYAGES,
    Table,
)
from lakehouse.schema import spark_schema
from lakehouse.store import Store

NEW_YEAR = date(2025, 1, 1)
LARGE, SMALL = 9074729, 9319466


@pytest.fixture
def lake(store: Store, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Store:
    """Twenty days of two ships from New Year on: at sea from Rotterdam to Hamburg for ten, then nobody knows."""
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))
    ships = {230_000_001: LARGE, 230_000_002: SMALL}

    def fill(table: Table, rows: list[dict[str, Any]]) -> None:
        store.create(table)
        values = [tuple(row.get(name) for name in table.columns) for row in rows]
        store.append(table, store.spark.createDataFrame(values, spark_schema(table)).coalesce(1))

    tonnage = {LARGE: 30_000.0, SMALL: 3_000.0}
    fill(SILVER_SHIP_REGISTER, [
        {"imo_number": imo, "cii_ship_type": "bulk_carrier", "gross_tonnage": tonnage[imo], "source": "twin"}
        for imo in ships.values()
    ])  # fmt: skip
    fill(SILVER_VOYAGES, [
        {"voyage_id": f"v{mmsi}", "mmsi": mmsi, "from_locode": "NLRTM", "to_locode": "DEHAM", "status": "arrived",
         "departed_at": datetime(2025, 1, 1, tzinfo=UTC), "arrived_at": datetime(2025, 1, 11, tzinfo=UTC),
         "source": "twin"} for mmsi in ships
    ])  # fmt: skip
    fill(SILVER_EMISSIONS, [
        {"mmsi": mmsi, "imo_number": imo, "reported_on": NEW_YEAR + timedelta(days=number), "distance_nm": 300.0,
         "fuel_hfo_t": 10.0, "method": "reported", "quality": "high", "source": "twin"}
        for number in range(20) for mmsi, imo in ships.items()
    ])  # fmt: skip
    return store


def run(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def told(*arguments: object) -> dict[str, Any]:
    result = run(*arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


def test_the_ets_check_writes_a_row_for_each_ship_and_year_and_a_report(lake: Store, tmp_path: Path) -> None:
    figures = told("--compliance-check", "eu-ets", "--report", tmp_path / "reports")
    rows = {row.imo_number: row for row in lake.read(GOLD_EU_ETS_YEAR).collect()}
    page, ships, days = (Path(path) for path in figures["reports"])
    html, unknown = page.read_text(), list(csv.DictReader(days.open()))

    assert rows[LARGE].ets_emissions_t == pytest.approx(100 * 3.114)
    assert rows[LARGE].ets_surrender_t == pytest.approx(100 * 3.114 * 0.7)
    assert (rows[LARGE].scope_unknown_days, rows[LARGE].fuel_scope_unknown_t) == (10, pytest.approx(100))
    assert (rows[SMALL].eu_scope_note, rows[SMALL].ets_emissions_t) == ("below 5,000 gross tonnage", None)
    assert (figures["vessel_years"], figures["reckoned"], figures["without_a_figure"]) == (2, 1, 1)
    assert figures["ets_surrender_t"] == pytest.approx(217.98)
    assert "estimate" in figures["note"]
    assert "estimate, not a verified report" in html
    assert "These figures are the least" in html
    assert "twin (generated)" in html
    assert "below 5,000 gross tonnage" in html
    assert {row["statement"] for row in csv.DictReader(ships.open())} == {figures["note"]}
    assert len(unknown) == figures["scope_unknown_days"] == 20
    assert {row["scope_unknown_h"] for row in unknown} == {"24.0"}


def test_the_fueleu_check_tells_balance_and_penalty_and_a_run_twice_leaves_the_same(lake: Store) -> None:
    first = told("--compliance-check", "fueleu")
    told("--compliance-check", "fueleu", "--start-date", "2025-01-05")
    rows = {row.imo_number: row for row in lake.read(GOLD_FUELEU_YEAR).collect()}

    assert len(rows) == 2
    assert rows[LARGE].penalty_eur == pytest.approx(6_220.88, abs=0.005)  # a tenth of 1,000 t
    assert first["penalty_eur"] == pytest.approx(rows[LARGE].penalty_eur)
    assert {row.outcome for row in lake.read(OPS_RUNS).collect()} == {"succeeded"}


def test_people_get_tables_and_the_reasons(lake: Store) -> None:
    result = run("--compliance-check", "eu-ets")

    assert result.exit_code == 0, result.stderr
    assert "below 5,000 gross tonnage" in result.stdout
    assert "estimate" in result.stdout


def test_a_dry_run_writes_nothing_and_a_lake_without_voyages_is_refused(lake: Store, tmp_path: Path) -> None:
    plan = told("--compliance-check", "eu-ets", "--dry-run")
    missing = CliRunner().invoke(
        main, ["--compliance-check", "eu-ets", "--input", lake.path(SILVER_EMISSIONS), "--register",
               lake.path(SILVER_SHIP_REGISTER)], env={"MARITIME_LAKE_ROOT": str(tmp_path / "another")},
    )  # fmt: skip

    assert (plan["compliance_check"], plan["dry_run"]) == ("eu-ets", True)
    assert not Path(lake.path(GOLD_EU_ETS_YEAR)).exists()
    assert missing.exit_code == 2
    assert "silver.voyages" in missing.stderr
