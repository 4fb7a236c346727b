"""The whole line on real parts: a small fleet whose truth is known, and real traffic, from files to both reports."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import deltalake
import pytest

from contracts.settings import Settings
from contracts.tables import BRONZE_AIS, TABLES
from lakehouse import ledger
from maritime.summary import accounts
from producers import samples
from producers.twin import TwinConfig, generate

TWIN = TwinConfig(ships=4, days=12, every_s=600, seed=7)
NOAA_ROWS = 2_000


class Line:
    """The commands of a home, run as an operator runs them."""

    def __init__(self, settings: Settings, twin: Path) -> None:
        self.settings = settings
        self.twin = twin
        self.said: dict[str, dict[str, Any]] = {}
        self.truth: dict[str, Any] = json.loads((twin / "truth" / "summary.json").read_text())
        self.environment = os.environ | {
            "MARITIME_HOME": str(settings.home),
            "MARITIME_KAFKA_SERVERS": settings.kafka_servers,
            "MARITIME_SPARK_DRIVER_MEMORY": "2g",
        }

    def run(self, *arguments: str) -> dict[str, Any]:
        """Run one command; its JSON where it was asked for."""
        done = subprocess.run(
            [sys.executable, "-m", "maritime", *arguments],
            env=self.environment, capture_output=True, text=True, timeout=900, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr[:4000] + done.stderr[-9000:]
        answer: dict[str, Any] = json.loads(done.stdout) if "--json" in arguments else {}
        return answer

    def publish(self) -> dict[str, dict[str, Any]]:
        """Publish everything; what each producer said of it."""
        noaa = ("produce", "ais", "--from", "noaa", str(samples.NOAA_CSV), "--limit", str(NOAA_ROWS), "--json")
        kinds = ("ais", "sensors", "voyages", "alerts")
        said = {kind: self.run("produce", kind, "--from", "twin", str(self.twin), "--json") for kind in kinds}
        return said | {"noaa": self.run(*noaa)}

    def rows(self, name: str) -> list[dict[str, Any]]:
        """All rows of a table."""
        table = next(table for table in TABLES if table.name == name)
        found = deltalake.DeltaTable(f"{self.settings.lake}/{table.path}")
        rows: list[dict[str, Any]] = found.to_pyarrow_table().to_pylist()
        return rows

    def outcomes(self, stream: str) -> Counter[str]:
        """Ledger totals of a stream."""
        total: Counter[str] = Counter()
        for entry in ledger.entries(self.settings.lake, stream):
            total.update({name: entry[name] for name in entry if name.startswith("rows_")})
        return total


@pytest.fixture(scope="module")
def line(empty_topics: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory) -> Line:
    """A line that has run once."""
    home = tmp_path_factory.mktemp("line")
    generate(TWIN, home / "twin")
    line = Line(empty_topics().model_copy(update={"home": home}), home / "twin")
    line.said = line.publish()
    line.run("register", "load", str(line.twin / "register.csv"))
    line.run("stream", "all", "--once")
    line.run("voyages", "--start-date", "2024-01-01", "--end-date", "2024-01-31")
    line.run("emissions", "--compliance-check", "imo-2030")
    return line


def test_every_delivered_record_is_in_bronze_and_every_bronze_record_has_one_outcome(line: Line) -> None:
    said = line.said

    assert all(answer["identity_holds"] for answer in said.values())
    assert len(line.rows(BRONZE_AIS.name)) == said["ais"]["delivered"] + said["noaa"]["delivered"]
    assert all(row[-1] == "yes" for row in accounts(line.settings))


def test_silver_agrees_with_the_twins_truth(line: Line) -> None:
    expected = line.truth["expected_positions"]
    positions = [row for row in line.rows("silver.positions") if row["source"] == "twin"]
    late = [row for row in line.rows("silver.late") if row["source"] == "twin"]
    refused = Counter(row["rule"] for row in line.rows("silver.quarantine") if b'"source":"twin"' in row["value"])

    assert len(positions) + len(late) == expected["accepted_without_late"] + expected["late_when_streamed_in_order"]
    assert refused == expected["quarantined_by_rule"]


def test_reported_fuel_reaches_the_emissions_table_to_the_kilogram(line: Line) -> None:
    import polars as pl

    truth = pl.read_csv(line.twin / "truth" / "fuel_by_day.csv")
    fuels = [name for name in truth.columns if name.startswith("fuel_")]
    days = [day for day in line.rows("gold.emission_compliance") if day["method"] == "reported"]

    assert len(days) == truth.height
    burnt = truth.select(pl.sum_horizontal(fuels)).sum().item()
    assert sum(day["total_fuel_t"] for day in days) == pytest.approx(burnt, abs=0.001 * len(days))  # kilograms
    assert {day["source"] for day in days} == {"twin"}


@pytest.mark.parametrize("report", ["voyages", "emissions"])
def test_both_reports_hold_recorded_ships_beside_the_generated_fleet_and_tell_them_apart(
    line: Line, report: str
) -> None:
    (page,) = Path(line.settings.reports).glob(f"{report}*.html")
    heard = page.read_text().split('<h2 id="heard">')[1]
    recorded = [row for row in line.rows("gold.vessel_day") if row["source"] == "noaa"]
    furthest = max(recorded, key=lambda row: row["distance_nm"])

    assert heard.count("twin (generated)") == 1  # in the table of sources, and not among the recorded ships
    assert f'<td class="n">{sum(row["position_count"] for row in recorded):,}</td>' in heard
    assert f"<tr><td>{furthest['mmsi']}</td>" in heard


def test_everything_published_again_adds_nothing_to_silver_and_gold(line: Line) -> None:
    names = ("silver.positions", "silver.voyages", "silver.emissions", "silver.sensors", "gold.vessel_day",
             "gold.vessel_latest")  # fmt: skip
    before = {name: Counter(map(repr, line.rows(name))) for name in names}

    line.publish()
    line.run("stream", "all", "--once")

    assert {name: Counter(map(repr, line.rows(name))) for name in names} == before
    assert all(row[-1] == "yes" for row in accounts(line.settings))
