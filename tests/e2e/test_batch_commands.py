"""The two commands of the mission and the register, as people run them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import psutil
import pyspark
import pytest
from click.testing import CliRunner, Result
from pyspark.sql import DataFrame, SparkSession

from batch_jobs import emissions, voyages
from batch_jobs.commands import register_group
from contracts.errors import ConfigurationError, UnavailableError
from contracts.settings import Settings
from contracts.tables import (
    GOLD_EMISSION_COMPLIANCE,
    GOLD_EMISSION_OUTLOOK,
    GOLD_EMISSION_YEAR,
    GOLD_ROUTE_PERFORMANCE,
    GOLD_VOYAGE_ANALYTICS,
    OPS_RUNS,
    SILVER_EMISSIONS,
    SILVER_SHIP_REGISTER,
    SILVER_VOYAGES,
    Table,
)
from infra.class_archive import QUICK_START, java_options
from infra.jars import spark_jars
from lakehouse import engines
from lakehouse.schema import spark_schema
from lakehouse.session import DELTA
from lakehouse.store import Store

DAY = timedelta(days=1)
FIRST = datetime(2024, 1, 1, 6, tzinfo=UTC)
SPAN = ("--start-date", "2024-02-10", "--end-date", "2024-02-20")
Fill = Callable[[Table, list[dict[str, Any]]], str]


@pytest.fixture
def store(spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))
    return Store(spark, settings.lake)


@pytest.fixture
def fill(store: Store) -> Fill:
    """Append rows, columns that are not given null, and return the table's path."""

    def put(table: Table, rows: list[dict[str, Any]]) -> str:
        store.create(table)
        values = [tuple(row.get(name) for name in table.columns) for row in rows]
        store.append(table, store.spark.createDataFrame(values, spark_schema(table)).coalesce(1))
        return store.path(table)

    return put


@pytest.fixture
def sixty_voyages(fill: Fill) -> str:
    """One voyage a day from 1 January; every third is four hours late, the last is under way."""
    rows = []
    for number in range(60):
        departed_at = FIRST + number * DAY
        arrives = departed_at + DAY
        rows.append(
            {
                "voyage_id": f"v{number:02}", "mmsi": 230_000_001, "route_id": "FIHEL-SESTO", "source": "twin",
                "departed_at": departed_at, "departed_on": departed_at.date(), "distance_nm": 240.0,
                "arrived_at": arrives if number < 59 else None,
                "status": "arrived" if number < 59 else "in_progress",
                "scheduled_arrival_at": arrives - timedelta(hours=4 if number % 3 == 0 else 0),
            }
        )  # fmt: skip
    return fill(SILVER_VOYAGES, rows)


@pytest.fixture
def sixty_fuel_days(fill: Fill) -> str:
    """Two ships from 1 January to 29 February, one of them not in the register."""
    fill(
        SILVER_SHIP_REGISTER,
        [{"imo_number": 9074729, "cii_ship_type": "bulk_carrier", "dwt_t": 50e3, "gross_tonnage": 30e3,
          "source": "twin"}],
    )  # fmt: skip
    rows = [
        {
            "mmsi": 230_000_000 + ship, "imo_number": imo, "reported_on": (FIRST + number * DAY).date(),
            "distance_nm": 300.0, "fuel_hfo_t": 25.0 + number, "method": "reported", "quality": "high",
            "source": "twin",
        }
        for number in range(60)
        for ship, imo in ((1, 9074729), (2, 9319466))
    ]  # fmt: skip
    return fill(SILVER_EMISSIONS, rows)


@pytest.fixture
def no_spark(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> SparkSession:
        raise AssertionError("Spark was started")

    monkeypatch.setattr(engines, "spark_session", refuse)


def run(command: click.Command, *arguments: object) -> Result:
    return CliRunner().invoke(command, [str(argument) for argument in arguments])


def told(command: click.Command, *arguments: object) -> dict[str, Any]:
    result = run(command, *arguments, "--json")
    assert result.exit_code == 0, result.stderr
    return dict(json.loads(result.stdout))


def content(rows: DataFrame) -> list[str]:
    return sorted(row.value for row in rows.selectExpr("to_json(struct(*)) AS value").collect())


def test_the_voyages_command_of_the_mission_writes_gold_and_tells_what_it_did(
    store: Store, sixty_voyages: str, tmp_path: Path
) -> None:
    output = tmp_path / "delta" / "gold" / "voyage_analytics"
    given = ("--input", sixty_voyages, "--output", output, "--start-date", "2024-01-01", "--end-date", "2024-09-30")
    figures = told(voyages.main, *given)

    assert (figures["loaded"]["rows"], figures["records"], figures["delayed"]) == (60, 60, 20)
    assert figures["loaded"]["partitions"] == 1
    assert figures["records_per_minute"] > 0
    assert figures["busiest_routes"][0]["route_id"] == "FIHEL-SESTO"
    page = Path(figures["reports"][0]).read_text()
    assert "twin (generated)" in page
    assert "<svg" in page
    written = store.spark.read.format("delta").load(str(output))
    assert written.columns == GOLD_VOYAGE_ANALYTICS.columns
    assert (output.parent / "route_performance" / "_delta_log").is_dir()
    recorded = store.read(OPS_RUNS).first()
    assert recorded is not None
    assert (recorded.job, recorded.rows_read, recorded.outcome) == ("voyages", 60, "succeeded")


def test_voyages_run_twice_leave_the_same_table_and_other_days_untouched(store: Store, sixty_voyages: str) -> None:
    told(voyages.main)
    whole, routes = content(store.read(GOLD_VOYAGE_ANALYTICS)), content(store.read(GOLD_ROUTE_PERFORMANCE))

    told(voyages.main)
    told(voyages.main, *SPAN)  # its first days need the days before them to be the same again

    assert content(store.read(GOLD_VOYAGE_ANALYTICS)) == whole
    assert len(whole) == 60
    of_the_whole = store.read(GOLD_ROUTE_PERFORMANCE).filter("start_on = DATE'2024-01-01'")
    assert content(of_the_whole) == routes


def test_a_command_whose_spark_was_killed_says_so_and_what_to_do(store: Store, sixty_voyages: str) -> None:
    command = [sys.executable, "-m", "maritime", "voyages"]
    with psutil.Popen(command, env=os.environ, stderr=-1, stdout=-1, text=True) as job:
        while "Writing gold.voyage_analytics" not in (line := job.stderr.readline()):
            assert line, "it ended before it wrote"
        for child in job.children():
            child.kill()
        told = job.communicate(timeout=60)[1]

    assert job.returncode == UnavailableError.exit_code
    assert "The process of Spark has ended by itself" in told
    assert "run the command again" in told
    assert "Traceback" not in told
    recorded = store.read(OPS_RUNS).first()
    assert recorded is not None
    assert recorded.outcome == "failed"


def test_memory_that_the_machine_has_not_is_told_by_its_setting(sixty_voyages: str) -> None:
    environment = os.environ | {"MARITIME_SPARK_DRIVER_MEMORY": "9000t"}
    command = [sys.executable, "-m", "maritime", "voyages"]
    job = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=60)

    assert job.returncode == ConfigurationError.exit_code
    assert "MARITIME_SPARK_DRIVER_MEMORY=9000t" in job.stderr
    assert "Traceback" not in job.stderr


def test_a_part_of_the_year_is_rated_as_in_the_whole_and_other_days_stay(store: Store, sixty_fuel_days: str) -> None:
    told(emissions.main, "--compliance-check", "imo-2030")
    whole = content(store.read(GOLD_EMISSION_COMPLIANCE))
    years, outlook = (content(store.read(table)) for table in (GOLD_EMISSION_YEAR, GOLD_EMISSION_OUTLOOK))

    figures = told(emissions.main, "--compliance-check", "imo-2030", *SPAN)

    assert content(store.read(GOLD_EMISSION_COMPLIANCE)) == whole
    assert content(store.read(GOLD_EMISSION_YEAR)) == years
    assert content(store.read(GOLD_EMISSION_OUTLOOK)) == outlook
    assert (len(years), len(outlook)) == (2, 7)  # of the rated ship 2024 to 2030
    assert len(whole) == 120
    assert (figures["loaded"]["rows"], figures["records"]) == (22, 22)
    assert (figures["rated"], figures["not_rated"]) == (1, 1)


def test_the_compliance_report_says_that_it_is_an_estimate_and_which_data_are_generated(
    store: Store, sixty_fuel_days: str, tmp_path: Path
) -> None:
    figures = told(emissions.main, "--report", tmp_path)

    page, fleet, over = (Path(path).read_text() for path in figures["reports"][:3])
    assert "estimate, not a verified rating" in page
    assert "twin (generated)" in page
    assert "not in the ship register" in page
    assert not re.search(r"(src|href)=.http", page)  # nothing is fetched when it is opened
    assert "9074729" in over
    assert "estimate, not a verified rating" in fleet
    assert len(fleet.splitlines()) == 3


def test_a_what_if_stands_in_the_report_beside_the_year_and_in_no_table(
    store: Store, sixty_fuel_days: str, tmp_path: Path
) -> None:
    told(emissions.main)
    rows = content(store.read(GOLD_EMISSION_YEAR))

    figures = told(emissions.main, "--what-if", "fuel=lng", "--vessel", 230_000_001, "--baseline-2008", "20",
                   "--gwp", "ar6", "--report", tmp_path)  # fmt: skip

    (supposed,) = figures["what_if_years"]
    same_energy = 40.2 / 48.0 * 2.750 / 3.114
    assert supposed["what_if_cii"] == pytest.approx(supposed["cii_attained"] * same_energy)
    assert supposed["co2_change_pct"] == pytest.approx((same_energy - 1) * 100)
    assert content(store.read(GOLD_EMISSION_YEAR)) == rows
    assert "2008 baseline given" in figures["fleet_intensity"][0]["against_2008"]
    for gases in figures["greenhouse_gases"]:
        burnt_t = gases["total_fuel_year_t"]  # of HFO alone
        assert gases["co2e_well_to_wake_t"] == pytest.approx(burnt_t * 0.0405 * 91.6356, rel=1e-6)
    names = [Path(path).name for path in figures["reports"]]
    assert "imo_dcs_2024.csv" in names
    page = (tmp_path / names[0]).read_text()
    assert any(name.endswith("_greenhouse_gases.csv") for name in names)
    assert "What if: fuel=lng" in page
    assert "All greenhouse gases" in page
    assert "the year heads for E" in page


def test_a_what_if_of_an_unknown_ship_ends_before_anything_is_written(store: Store, sixty_fuel_days: str) -> None:
    result = run(emissions.main, "--what-if", "speed=-10%", "--vessel", 1)

    assert result.exit_code == 2
    assert "--vessel 1 has no fuel day" in result.stderr
    assert not store.exists(GOLD_EMISSION_COMPLIANCE)


def test_people_get_tables_figures_and_report_paths(sixty_fuel_days: str) -> None:
    result = run(emissions.main)

    assert result.exit_code == 0
    assert "Loaded 120 rows" in result.stderr
    for words in ("ratings of the year so far", "records per minute", "partitions", ".html", "not a verified rating"):
        assert words in result.stdout


@pytest.mark.usefixtures("no_spark")
@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--start-date", "2024-13-01"), "write it as 2024-01-31"),
        (("--start-date", "2024-03-01", "--end-date", "2024-02-01"), "is before --start-date"),
        (("--start-date", "2025-01-01", "--end-date", "2025-02-01"), "it holds days of 2024-01-01 to 2024-02-29"),
        (("--input", "/nowhere/voyages"), "No Delta table at /nowhere/voyages"),
        (("--output", f"{__file__}/voyages"), "cannot be made"),
    ],
)
def test_a_fault_is_one_sentence_before_spark_starts_and_nothing_is_written(
    store: Store, sixty_voyages: str, arguments: tuple[str, ...], words: str
) -> None:
    result = run(voyages.main, *arguments)

    assert result.exit_code == 2
    assert words in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert not store.exists(GOLD_VOYAGE_ANALYTICS)
    assert not store.exists(OPS_RUNS)


@pytest.mark.usefixtures("no_spark")
@pytest.mark.parametrize(
    "option", [("--what-if", "speed=-10%"), ("--vessel", "9074729"), ("--baseline-2008", "9.9"), ("--gwp", "ar5")]
)
def test_an_option_that_a_check_does_not_know_is_refused_and_not_passed_over(option: tuple[str, str]) -> None:
    result = run(emissions.main, "--compliance-check", "fueleu", *option)

    assert result.exit_code == 2
    assert f"{option[0]} belongs to --compliance-check imo-2030" in result.stderr


@pytest.mark.usefixtures("no_spark")
def test_a_table_of_another_shape_is_refused_by_column_and_by_type(
    spark: SparkSession, store: Store, tmp_path: Path
) -> None:
    table, other = str(tmp_path / "missing"), str(tmp_path / "typed")
    spark.createDataFrame([(1,)], "mmsi long").write.format("delta").save(table)
    spark.createDataFrame([("2024-01-01",)], "voyage_id string").selectExpr(
        *(f"CAST(NULL AS string) AS {name}" for name in SILVER_VOYAGES.columns)
    ).write.format("delta").save(other)

    missing, typed = run(voyages.main, "--input", table), run(voyages.main, "--input", other)

    assert (missing.exit_code, typed.exit_code) == (2, 2)
    assert "has no column voyage_id (string)" in missing.stderr
    assert "is string, not long" in typed.stderr
    assert not store.exists(GOLD_VOYAGE_ANALYTICS)


@pytest.mark.usefixtures("no_spark")
def test_emissions_need_a_register_and_a_year_that_the_regulation_knows(store: Store, fill: Fill) -> None:
    fill(SILVER_EMISSIONS, [{"mmsi": 1, "reported_on": date(2031, 1, 1), "distance_nm": 1.0}])
    late = run(emissions.main)
    fill(SILVER_EMISSIONS, [{"mmsi": 1, "reported_on": date(2030, 1, 1), "distance_nm": 1.0}])
    unregistered = run(emissions.main, "--end-date", "2030-12-31")

    assert (late.exit_code, unregistered.exit_code) == (2, 2)
    assert "2019 to 2030" in late.stderr
    assert "silver.ship_register" in unregistered.stderr


def test_days_without_a_row_between_others_write_nothing(store: Store, fill: Fill) -> None:
    rows = [{"voyage_id": f"v{day}", "mmsi": 1, "departed_on": date(2024, 1, day)} for day in (1, 31)]
    fill(SILVER_VOYAGES, rows)

    result = run(voyages.main, "--start-date", "2024-01-10", "--end-date", "2024-01-20")

    assert result.exit_code == 2
    assert "No rows from 2024-01-10 to 2024-01-20" in result.stderr
    assert not store.exists(GOLD_VOYAGE_ANALYTICS)
    assert [row.outcome for row in store.read(OPS_RUNS).collect()] == ["failed"]


@pytest.mark.usefixtures("no_spark")
def test_a_dry_run_tells_the_plan_and_writes_nothing(store: Store, sixty_fuel_days: str) -> None:
    plan = told(emissions.main, "--dry-run", *SPAN)

    assert (plan["dry_run"], plan["files"], plan["start_date"]) == (True, 1, "2024-02-10")
    assert not store.exists(GOLD_EMISSION_COMPLIANCE)


def test_the_register_takes_lawful_ships_and_refuses_others_with_the_reason(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "ships.csv"
    file.write_text(
        "imo_number,cii_ship_type,dwt_t,gross_tonnage,source\n"
        "9074729,bulk_carrier,50000,30000,owner\n"
        "8814274,bulk_carrier,50000,30000,owner\n"
        "9319466,rowing boat,1,1,owner\n"
        "9176187,tanker,-5,1,owner\n"
        "9074729,tanker,50000,30000,owner\n"
        "6710932,,,1500,owner\n"
    )
    figures = told(register_group, "load", file)
    again = run(register_group, "load", file)

    assert (figures["read"], figures["loaded"], figures["refused"]) == (6, 2, 4)
    for reason in (
        ":3: imo_number '8814274' is not",
        ":4: cii_ship_type",
        ":5: dwt_t -5 is out of 0",
        ":6: imo_number",
    ):
        assert reason in again.stderr
    ships = store.read(SILVER_SHIP_REGISTER).orderBy("imo_number").collect()
    assert [(ship.imo_number, ship.cii_ship_type) for ship in ships] == [(6710932, None), (9074729, "bulk_carrier")]
    assert "9,074,729" not in run(register_group, "show").stdout


def test_a_register_with_an_unknown_column_is_refused_whole(store: Store, tmp_path: Path) -> None:
    file = tmp_path / "ships.csv"
    file.write_text("imo_number,colour,source\n9074729,red,owner\n")

    result = run(register_group, "load", file)

    assert result.exit_code == 2
    assert "has a column colour" in result.stderr
    assert not store.exists(SILVER_SHIP_REGISTER)


@pytest.fixture
def spark_connect(free_port: Callable[[], int], settings: Settings, tmp_path: Path) -> Iterator[str]:
    """The address of a Spark Connect server, a process of its own."""
    port = free_port()
    confs = {**DELTA, "spark.connect.grpc.binding.port": str(port), "spark.connect.grpc.binding.address": "127.0.0.1",
             "spark.ui.enabled": "false", "spark.sql.session.timeZone": "UTC", "spark.sql.shuffle.partitions": "1",
             "spark.databricks.delta.snapshotPartitions": "1"}  # fmt: skip
    jars = ",".join(map(str, spark_jars(settings)))
    command = [str(Path(pyspark.__file__).parent / "bin" / "spark-submit"), "--master", "local[2]", "--jars", jars,
               "--driver-memory", "1g",
               "--driver-java-options", " ".join([QUICK_START, *java_options(settings, "spark")]),
               "--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
               *(part for name, value in confs.items() for part in ("--conf", f"{name}={value}")),
               "spark-internal"]  # fmt: skip
    with (tmp_path / "connect.log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=tmp_path)
    try:
        yield f"sc://127.0.0.1:{port}"
    finally:
        server.terminate()
        server.wait(30)


def test_a_report_and_a_correction_are_the_same_on_a_spark_connect_server(
    store: Store, sixty_fuel_days: str, spark_connect: str, settings: Settings, tmp_path: Path
) -> None:
    here, there = tmp_path / "here" / "days", tmp_path / "there" / "days"
    environment = os.environ | {"MARITIME_HOME": str(settings.home), "SPARK_REMOTE": spark_connect}

    def written(*options: str) -> list[Any]:
        told(emissions.main, "--output", here, *SPAN, *options)
        command = [sys.executable, "-m", "maritime", "emissions", "--output", str(there), *SPAN, *options]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=600, check=False)
        assert done.returncode == 0, done.stderr[-3000:]
        return [(content(read(folder)), content(rated(folder.parent / "emission_year"))) for folder in (here, there)]

    def read(folder: Path) -> DataFrame:
        return store.spark.read.format("delta").load(str(folder))

    def rated(years: Path) -> DataFrame:  # doubles are added up in other orders
        return read(years).selectExpr("vessel_id", "year", "round(cii_attained, 9) AS cii", "cii_rating", "last_on")

    first = written()
    one_day = "mmsi = 230000001 AND reported_on = DATE'2024-02-12'"
    store.spark.sql(f"UPDATE delta.`{sixty_fuel_days}` SET fuel_hfo_t = fuel_hfo_t + 100 WHERE {one_day}")
    second = written("--changed-only")

    assert first[0] == first[1]
    assert second[0] == second[1]
    assert all(before != after for before, after in zip(first[0], second[0], strict=True))
    history = store.spark.sql(f"DESCRIBE HISTORY delta.`{there}`").collect()
    assert history[0].operation == "MERGE"  # and not all of it anew
