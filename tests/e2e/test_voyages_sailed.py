"""The voyages command where the lake holds positions: what ships sailed stands beside what was declared."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession

from batch_jobs import tracks, voyages
from contracts.ports import port
from contracts.settings import Settings
from contracts.tables import GOLD_VOYAGE_ANALYTICS, OPS_RUNS, SILVER_POSITIONS, SILVER_VOYAGES, Table
from lakehouse.schema import spark_schema
from lakehouse.store import Store

START = datetime(2024, 1, 1, 6, tzinfo=UTC)
DECLARED, SILENT = 230_000_001, 230_000_002


@pytest.fixture
def store(spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))
    return Store(spark, settings.lake)


def fill(store: Store, table: Table, rows: list[dict[str, Any]]) -> None:
    store.create(table)
    values = [tuple(row.get(name) for name in table.columns) for row in rows]
    store.append(table, store.spark.createDataFrame(values, spark_schema(table)).coalesce(1))


def sailed(mmsi: int, source: str) -> list[dict[str, Any]]:
    """Six hours in Helsinki, a day straight to Stockholm, six hours there, and out again."""
    start, end = port("FIHEL"), port("SESTO")
    rows = []
    for half_hours in range(80):
        share = min(1.0, max(0.0, (half_hours - 12) / 48))
        back = max(0.0, (half_hours - 72) / 48)
        at = START + timedelta(minutes=30 * half_hours)
        rows.append(
            {
                "segment_id": f"{mmsi}-2024-01-01T06:00:00.000000Z", "mmsi": mmsi, "observed_at": at,
                "observed_on": at.date(), "source": source,
                "lat_deg": start.lat_deg + (share - back) * (end.lat_deg - start.lat_deg),
                "lon_deg": start.lon_deg + (share - back) * (end.lon_deg - start.lon_deg),
                "sog_kn": 9.0 if 0 < share < 1 or back else 0.0,
            }
        )  # fmt: skip
    return rows


def told(command: click.Command, *arguments: object) -> dict[str, Any]:
    result = CliRunner().invoke(command, [*(str(argument) for argument in arguments), "--json"])
    assert result.exit_code == 0, result.output
    return dict(json.loads(result.stdout))


@pytest.fixture
def two_ships(store: Store) -> None:
    fill(store, SILVER_POSITIONS, [*sailed(DECLARED, "twin"), *sailed(SILENT, "noaa")])


@pytest.fixture
def one_declared(store: Store) -> None:
    fill(
        store,
        SILVER_VOYAGES,
        [
            {
                "voyage_id": "V1", "mmsi": DECLARED, "from_locode": "FIHEL", "to_locode": "SESTO",
                "route_id": "FIHEL-SESTO", "departed_at": START + timedelta(hours=5), "departed_on": START.date(),
                "arrived_at": START + timedelta(hours=31), "scheduled_arrival_at": START + timedelta(hours=28),
                "status": "arrived", "distance_nm": 220.0, "delay_cause": "fog", "source": "twin",
            }
        ],
    )  # fmt: skip


@pytest.mark.usefixtures("two_ships", "one_declared")
def test_one_command_finds_what_was_sailed_and_joins_it_with_what_was_declared(store: Store, tmp_path: Path) -> None:
    figures = told(voyages.main, "--report", tmp_path)

    assert (figures["records"], figures["seen_in_positions"], figures["not_declared"]) == (4, 4, 3)
    rows = store.read(GOLD_VOYAGE_ANALYTICS).orderBy("basis", "departed_at", "mmsi").collect()
    assert [(row.mmsi, row.basis, row.schedule_status, row.route_id) for row in rows] == [
        (DECLARED, "declared_and_sailed", "delayed", "FIHEL-SESTO"),
        (SILENT, "sailed", None, "FIHEL-SESTO"),
        (DECLARED, "sailed", "in_progress", None),
        (SILENT, "sailed", "in_progress", None),
    ]
    assert (rows[0].voyage_id, rows[0].source, rows[1].source) == ("V1", "twin", "noaa")
    assert rows[1].distance_nm == pytest.approx(rows[0].sailed_distance_nm, rel=0.03)
    page = Path(figures["reports"][0]).read_text()
    for words in ("Delays by cause", "fog", "Port stays", "STOCKHOLM", "The 4 longest of 4", "twin (generated)"):
        assert words.lower() in page.lower(), words
    assert page.count("<svg") == 3
    parquet = next(path for path in figures["reports"] if path.endswith("_voyages.parquet"))
    assert pq.read_table(parquet).column_names == GOLD_VOYAGE_ANALYTICS.columns
    assert sorted(row.job for row in store.read(OPS_RUNS).collect()) == ["tracks", "voyages"]


@pytest.mark.usefixtures("two_ships", "one_declared")
def test_positions_are_left_alone_where_only_what_was_declared_is_asked_for(store: Store, tmp_path: Path) -> None:
    figures = told(voyages.main, "--declared-only", "--report", tmp_path)

    assert (figures["records"], figures["seen_in_positions"], figures["not_declared"]) == (1, 0, 0)
    assert [row.job for row in store.read(OPS_RUNS).collect()] == ["voyages"]


@pytest.mark.usefixtures("two_ships")
def test_tracks_alone_tell_what_there_is_and_that_nothing_is_new_and_nobody_has_to_declare_a_voyage(
    store: Store, tmp_path: Path
) -> None:
    first, second = told(tracks.main), told(tracks.main)

    assert (first["new_positions"], first["vessels"], first["sailings"]) == (160, 2, 4)
    assert (second["new_positions"], second["sailings"]) == (0, 4)

    figures = told(voyages.main, "--report", tmp_path)

    assert (figures["records"], figures["not_declared"], figures["judged_against_schedule"]) == (4, 4, 0)
    assert figures["start_date"] == "2024-01-01"


def test_without_positions_one_sentence_says_what_to_do(store: Store) -> None:
    result = CliRunner().invoke(tracks.main, [])

    assert result.exit_code == 2
    assert "silver.positions" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
