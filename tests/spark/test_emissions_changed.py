"""`maritime-emissions` run again, for what has changed or by Sail: the tables are those of a full run by Spark."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import deltalake
import pytest
from click.testing import CliRunner
from pyspark.sql import DataFrame, SparkSession

from batch_jobs import emissions
from contracts import tables as t
from contracts.settings import Settings
from contracts.tables import Table
from lakehouse.differences import differing
from lakehouse.evidence import document
from lakehouse.evidence.links import LINKS
from lakehouse.evidence.subject import parse_subject
from lakehouse.schema import spark_schema
from lakehouse.store import Store

SHIP, FERRY, NAMELESS, SILENT = 9074729, 9319466, None, 8814275
MMSI = {SHIP: 230_000_001, FERRY: 230_000_002, NAMELESS: 230_000_003, SILENT: 230_000_003}
"""The silent ship reports no fuel and is heard under the MMSI of a ship that tells no number."""
FIRST, DAYS = date(2025, 11, 1), 120
TABLES = (
    t.GOLD_EMISSION_COMPLIANCE, t.GOLD_EMISSION_YEAR, t.GOLD_EMISSION_OUTLOOK, t.GOLD_VOYAGE_EMISSIONS,
)  # fmt: skip


def day(number: int, imo: int | None, **changes: object) -> dict[str, Any]:
    return {
        "mmsi": MMSI[imo], "imo_number": imo, "reported_on": FIRST + timedelta(days=number),
        "distance_nm": 250.0 + number % 7, "fuel_hfo_t": 25.0 + number % 11, "method": "reported", "quality": "high",
        "source": "twin", **changes,
    }  # fmt: skip


def voyage(name: str, imo: int | None, first: int, days: int) -> dict[str, Any]:
    departed = datetime.combine(FIRST + timedelta(days=first), datetime.min.time(), UTC)
    return {
        "voyage_id": name, "mmsi": MMSI[imo], "imo_number": imo, "route_id": "FIHEL-SESTO",
        "departed_on": departed.date(), "departed_at": departed, "arrived_at": departed + timedelta(days=days),
        "duration_hours": 24.0 * days, "status": "arrived", "source": "twin",
    }  # fmt: skip


@dataclass(frozen=True)
class Lake:
    settings: Settings
    store: Store
    scratch: Path

    def put(self, table: Table, *rows: dict[str, Any]) -> None:
        self.store.create(table)
        values = [tuple(row.get(name) for name in table.columns) for row in rows]
        self.store.upsert(table, self.store.spark.createDataFrame(values, spark_schema(table)))

    def sql(self, table: Table, statement: str) -> None:
        self.store.spark.sql(statement.format(table=f"delta.`{self.store.path(table)}`"))

    def run(self, *arguments: object) -> dict[str, Any]:
        done = CliRunner().invoke(emissions.main, [*map(str, arguments), "--json"])
        assert done.exit_code == 0, done.stderr
        return {**json.loads(done.stdout), "said": done.stderr}

    def changed(self, *arguments: object) -> dict[str, Any]:
        return self.run("--changed-only", *arguments)

    def versions(self) -> list[int]:
        return [self.store.version(table) for table in TABLES]

    def as_by_a_full_run(self) -> None:
        """Hold every table, row by row, to what a full run writes elsewhere."""
        elsewhere = self.scratch / str(self.versions()[0])
        self.run("--output", elsewhere / "emission_compliance", "--report", elsewhere)
        for table in TABLES:
            there = str(elsewhere / table.name.partition(".")[2])
            full = self.store.spark.read.format("delta").load(there)
            assert rows(self.store.read(table)) == rows(full) != [], table.name


def rows(frame: DataFrame) -> list[str]:
    """All rows as text, in order; numbers to twelve digits, for sums may be added up in another order."""

    return sorted(" | ".join(map(told, row)) for row in frame.collect())


def told(value: object) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def plain(row: dict[str, Any]) -> dict[str, str]:
    return {name: told(value) for name, value in row.items()}


def digest(frame: DataFrame) -> str:
    """A hash over all rows in whatever order they are, with numbers to twelve digits."""
    return hashlib.sha256("\n".join(rows(frame)).encode()).hexdigest()


def _logs(*paths: object) -> list[deltalake.DeltaTable]:
    return [deltalake.DeltaTable(str(path)) for path in paths]


@pytest.fixture(scope="module")
def lake(spark: SparkSession, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lake]:
    """Three ships over a turn of the year, one of them modelled alone, rated once in full."""
    home = tmp_path_factory.mktemp("changed")
    settings = Settings(home=home / "lake", spark_shuffle_partitions=1)
    lake = Lake(settings, Store(spark, settings.lake), home)
    for imo, kind in ((SHIP, "bulk_carrier"), (FERRY, "ro_ro_passenger_ship"), (SILENT, "tanker")):
        ship = {"imo_number": imo, "cii_ship_type": kind, "dwt_t": 50e3, "gross_tonnage": 30e3, "source": "twin"}
        lake.put(t.SILVER_SHIP_REGISTER, ship)
    # The ship's day 40 (11 December) is not reported at first; the ship without a number reports every second day.
    lake.put(t.SILVER_EMISSIONS, *(day(n, imo) for n in range(DAYS) for imo in (SHIP, FERRY) if (n, imo) != (40, SHIP)))
    lake.put(t.SILVER_EMISSIONS, *(day(n, NAMELESS) for n in range(0, DAYS, 2)))
    track = {"track_id": "silent", "method": "modelled", "quality": "medium"}
    lake.put(t.GOLD_TRACK_FUEL, *(day(n, SILENT, **track) for n in range(DAYS)))
    voyages = [voyage(f"{imo}-{n}", imo, n, 8) for n in range(0, DAYS - 8, 20) for imo in (SHIP, FERRY, SILENT)]
    lake.put(t.GOLD_VOYAGE_ANALYTICS, *voyages)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARITIME_HOME", str(settings.home))
        patch.setenv("MARITIME_QUALITY_AFTER_JOBS", "false")
        lake.run()
        yield lake


def test_where_nothing_is_new_nothing_is_committed(lake: Lake) -> None:
    before = lake.versions()
    figures = lake.changed()

    assert (figures["changed"], lake.versions()) == (False, before)
    assert "Nothing has changed" in figures["said"]
    assert figures["reports"] == []


def test_a_corrected_day_restates_its_vessel_and_no_other(lake: Lake) -> None:
    lake.put(t.SILVER_EMISSIONS, day(35, SHIP, fuel_hfo_t=500.0))
    before = lake.store.version(t.GOLD_EMISSION_COMPLIANCE)
    figures = lake.changed()

    assert (figures["changed"], figures["vessels_restated"]) == (True, 1)
    years = {year["year"]: year for year in figures["restated_years"]}
    assert years["2025"]["cii"] > years["2025"]["cii_before"]
    lake.as_by_a_full_run()
    was, now = (lake.store.read(t.GOLD_EMISSION_COMPLIANCE, version) for version in (before, before + 1))
    other = now.subtract(was).select("mmsi", "reported_on").collect()
    # From the day on: the rest of its year, and the days of the next one whose 30 days reach back to it.
    assert {row.mmsi for row in other} == {MMSI[SHIP]}
    assert min(row.reported_on for row in other) == FIRST + timedelta(days=35)
    assert max(row.reported_on for row in other) == max(date(2025, 12, 31), FIRST + timedelta(days=35 + 29))


def test_a_fuel_that_was_reported_as_another_kind_is_seen(lake: Lake) -> None:
    """The same numbers stand in the row, in other columns."""
    lake.put(t.SILVER_EMISSIONS, day(100, FERRY, fuel_hfo_t=None, fuel_lng_t=25.0 + 100 % 11))

    assert lake.changed()["vessels_restated"] == 1


def test_a_late_day_comes_into_sums_years_and_voyages(lake: Lake) -> None:
    lake.put(t.SILVER_EMISSIONS, day(40, SHIP, fuel_hfo_t=77.0), day(DAYS, SHIP))

    figures = lake.changed()
    assert (figures["changed"], figures["end_date"]) == (True, str(FIRST + timedelta(days=DAYS)))
    lake.as_by_a_full_run()


def test_a_removed_day_is_gone_and_what_was_modelled_for_another_ship_comes_in(lake: Lake) -> None:
    lake.sql(t.SILVER_EMISSIONS, "DELETE FROM {table} WHERE mmsi = 230000003 AND reported_on = '2026-01-10'")

    assert lake.changed()["vessels_restated"] == 2
    lake.as_by_a_full_run()


def test_a_vessel_all_of_whose_days_are_gone_leaves_no_row(lake: Lake) -> None:
    lake.sql(t.SILVER_EMISSIONS, f"DELETE FROM {{table}} WHERE imo_number = {FERRY}")

    lake.changed()
    lake.as_by_a_full_run()
    assert lake.store.read(t.GOLD_EMISSION_YEAR).where(f"imo_number = {FERRY}").isEmpty()


def test_a_ship_that_the_register_has_otherwise_and_a_new_voyage_are_rated_anew(lake: Lake) -> None:
    ship = {"imo_number": SILENT, "cii_ship_type": "tanker", "dwt_t": 80e3, "gross_tonnage": 30e3, "source": "twin"}
    lake.put(t.SILVER_SHIP_REGISTER, ship)
    lake.put(t.GOLD_VOYAGE_ANALYTICS, voyage("new", SHIP, 50, 12))

    assert lake.changed()["changed"]
    lake.as_by_a_full_run()


def test_rows_of_a_run_that_restated_some_can_be_retraced_whether_it_wrote_them_or_not(lake: Lake) -> None:
    lake.put(t.SILVER_EMISSIONS, day(20, SHIP, fuel_hfo_t=33.0))
    lake.changed()

    for words in ([str(SHIP), "2025-12-01"], [str(MMSI[NAMELESS]), "2025-11-03"]):
        subject = parse_subject(["gold.emission_compliance", *_named(words)])
        found = document.make(lake.store, lake.settings, subject, links={table: LINKS[table] for table in TABLES})
        assert found["differences"] == []


def _named(words: list[str]) -> list[str]:
    number, reported_on = words
    mmsi = MMSI[SHIP] if number == str(SHIP) else int(number)
    return [f"mmsi={mmsi}", f"reported_on={reported_on}"]


def test_it_says_why_everything_is_computed_and_goes_on_from_there(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARITIME_FUEL_ERROR_REPORTED_PCT", "4")
    figures = lake.changed()

    assert "Everything is computed, for version" in figures["said"]
    assert "fuel_error_pct [5.0" in figures["said"]
    assert figures["reports"] != []
    assert lake.changed()["changed"] is False


def test_rows_that_somebody_else_changed_are_computed_whole(lake: Lake) -> None:
    lake.sql(t.GOLD_EMISSION_COMPLIANCE, "DELETE FROM {table} WHERE reported_on = '2025-12-24'")

    assert "was written by something else (DELETE)" in lake.changed()["said"]
    assert not lake.store.read(t.GOLD_EMISSION_COMPLIANCE).where("reported_on = '2025-12-24'").isEmpty()


def test_a_run_that_broke_off_between_its_tables_is_not_gone_on_from(lake: Lake) -> None:
    lake.run()
    lake.sql(t.GOLD_EMISSION_OUTLOOK, "RESTORE TABLE {table} TO VERSION AS OF 0")

    figures = lake.changed()
    assert "Everything is computed" in figures["said"]
    assert not lake.store.read(t.GOLD_EMISSION_OUTLOOK).isEmpty()


@pytest.fixture(scope="module")
def elsewhere(lake: Lake) -> Path:
    """A folder in which Sail has computed what Spark has in the lake."""
    pytest.importorskip("pysail", reason="Sail is not installed: it is the extra `sail`")
    lake.run()
    folder = lake.scratch / "sail"
    assert by_sail(folder, "--report", folder, "--what-if", "fuel=lng")["what_if_years"] != []
    return folder


def by_sail(folder: Path, *options: object) -> dict[str, Any]:
    """Run it in a process of its own: there is one Spark in a process, and here it is the other one."""
    words = ["--engine", "sail", "--output", folder / "emission_compliance", *options]
    command = [sys.executable, "-m", "maritime", "emissions", *map(str, words), "--json"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return dict(json.loads(done.stdout))


def same_in(folder: Path, lake: Lake) -> None:
    """Hold Sail's tables to Spark's, row by row, and what the commits of both say of themselves."""
    for table in TABLES:
        there = folder / table.name.partition(".")[2]
        found = lake.store.spark.read.format("delta").load(str(there))
        assert digest(found) == digest(lake.store.read(table)), table.name
        said = [json.loads(at.history(1)[0]["userMetadata"]) for at in _logs(lake.store.path(table), there)]
        assert said[0].keys() == said[1].keys()
        for of in said:
            of["inputs"].pop("gold.emission_year", None)  # each its own
        assert said[0]["inputs"] == said[1]["inputs"]


def test_sail_writes_the_same_tables_and_its_commits_say_what_they_rest_on(lake: Lake, elsewhere: Path) -> None:
    same_in(elsewhere, lake)


def test_sail_restates_what_has_changed_as_spark_does(lake: Lake, elsewhere: Path) -> None:
    lake.put(t.SILVER_EMISSIONS, day(60, SHIP, fuel_hfo_t=77.0), day(70, NAMELESS, distance_nm=None))
    lake.sql(t.SILVER_EMISSIONS, "DELETE FROM {table} WHERE mmsi = 230000003 AND reported_on > '2026-02-10'")
    lake.put(t.GOLD_VOYAGE_ANALYTICS, voyage("V-SAIL", SHIP, 58, 6))
    ours, theirs = lake.changed(), by_sail(elsewhere, "--changed-only")

    assert theirs["changed"] is True
    assert list(map(plain, theirs["restated_years"])) == list(map(plain, ours["restated_years"])) != []
    same_in(elsewhere, lake)
    assert by_sail(elsewhere, "--changed-only")["changed"] is False


@pytest.mark.parametrize("options", [(), ("--what-if", "speed=-10%")])
def test_what_sail_cannot_do_is_refused_before_anything_is_written(lake: Lake, options: tuple[str, ...]) -> None:
    before = lake.versions()
    done = CliRunner().invoke(emissions.main, ["--engine", "sail", *options])

    assert (done.exit_code, lake.versions()) == (2, before)
    assert "leave --engine sail out" in done.stderr


def test_versions_differ_in_nothing_when_files_alone_were_written_anew(lake: Lake) -> None:
    table = t.SILVER_EMISSIONS
    before = lake.store.version(table)
    lake.store.optimize(table, 64)
    key = [column.name for column in table.key]

    same = differing(lake.store, table, before, lake.store.version(table), key, table.columns)
    assert same is not None
    assert same.isEmpty()
    assert lake.changed()["changed"] is False
