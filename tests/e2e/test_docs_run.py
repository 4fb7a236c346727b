"""Every Python block of the documents runs as it is printed, against a small lake."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import deltalake
import polars as pl
import pytest
from click.testing import CliRunner
from pyspark.sql import SparkSession

from contracts import tables as t
from contracts.fields import Type
from contracts.settings import Settings
from maritime.sql import sql

DOCS = Path(__file__).parents[2] / "docs"
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
POLARS_TYPES: dict[Type, Any] = {
    "boolean": pl.Boolean, "int": pl.Int32, "long": pl.Int64, "double": pl.Float64, "string": pl.String,
    "date": pl.Date, "timestamp": pl.Datetime("us", "UTC"), "strings": pl.List(pl.String),
}  # fmt: skip
ROWS: dict[t.Table, list[dict[str, Any]]] = {
    t.GOLD_VESSEL_DAY: [
        {"mmsi": 219_000_001, "observed_on": date(2024, 1, 1), "distance_nm": 240.5, "position_count": 288},
        {"mmsi": 219_000_001, "observed_on": date(2024, 1, 2), "distance_nm": 251.0, "position_count": 280},
        {"mmsi": 366_000_002, "observed_on": date(2024, 1, 1), "distance_nm": 12.0, "position_count": 40},
    ],
    t.SILVER_POSITIONS: [
        {"mmsi": 219_000_001, "observed_at": NOON, "lat_deg": 55.0, "lon_deg": 12.0, "sog_kn": 10.0}
    ],
    t.GOLD_VOYAGE_ANALYTICS: [
        {"voyage_id": "v-1", "route_id": "DKCPH-NLRTM", "is_delayed": True, "delay_hours": 3.0},
        {"voyage_id": "v-2", "route_id": "DKCPH-NLRTM", "is_delayed": False, "delay_hours": 0.0},
    ],
    t.GOLD_EMISSION_COMPLIANCE: [
        {"mmsi": 219_000_001, "capacity": 50_000.0, "co2_t": 80.0, "distance_nm": 240.5,
         "cii_ship_type": "bulk_carrier"},
    ],
    t.OPS_LEDGER: [
        {"stream": "silver.ais", "batch_id": 0, "rows_read": 10, "rows_accepted": 7, "rows_quarantined": 1,
         "rows_duplicate": 1, "rows_late": 1},
    ],
}  # fmt: skip


@pytest.fixture
def lake(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """A lake with a few rows in each table that the documents read."""
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))
    for table, rows in ROWS.items():
        schema = {field.name: POLARS_TYPES[field.type] for field in table.fields if field.type in POLARS_TYPES}
        filled = [{name: row.get(name) for name in schema} for row in rows]
        place = Path(settings.lake) / table.path
        place.mkdir(parents=True)
        deltalake.write_deltalake(place, pl.DataFrame(filled, schema=schema).to_arrow())
    return settings


@pytest.fixture
def ask(lake: Settings) -> Callable[..., Any]:
    return lambda *arguments: CliRunner().invoke(sql, arguments)


@pytest.mark.parametrize("page", ["query-gold.md", "tutorial.md"])
def test_every_python_block_runs_as_printed(
    page: str, lake: Settings, spark: SparkSession, capsys: pytest.CaptureFixture[str]
) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```", (DOCS / page).read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) >= 3
    names: dict[str, Any] = {}
    for block in blocks:
        exec(compile(block, page, "exec"), names)  # the documents are ours
    assert capsys.readouterr().out
    assert page != "tutorial.md" or (lake.reports / "track.png").stat().st_size > 0


def test_the_command_line_of_the_document_runs_as_printed(ask: Callable[..., Any]) -> None:
    command = re.search(r'^maritime sql "(.*)"$', (DOCS / "query-gold.md").read_text(), re.MULTILINE)
    assert command

    result = ask(command[1], "--json")

    assert json.loads(result.stdout) == {
        "columns": ["mmsi", "nm"],
        "rows": [[219_000_001, 491.5], [366_000_002, 12.0]],
    }


def test_rows_are_printed_as_a_table_and_as_csv(ask: Callable[..., Any]) -> None:
    text = "SELECT mmsi, position_count FROM gold.vessel_day ORDER BY ALL"

    assert ask(text, "--csv").stdout.splitlines() == [
        "mmsi,position_count", "219000001,280", "219000001,288", "366000002,40",
    ]  # fmt: skip
    printed = ask(text, "--rows", "2")
    assert "219000001" in printed.stdout
    assert "366000002" not in printed.stdout
    assert "more rows" in printed.stderr


def test_joins_subqueries_and_common_tables_find_the_lakes_tables(ask: Callable[..., Any]) -> None:
    text = """WITH far AS (SELECT * FROM gold.vessel_day WHERE distance_nm > 100)
        SELECT count(*) FROM far JOIN silver.positions USING (mmsi)
        WHERE mmsi NOT IN (SELECT mmsi FROM gold.emission_compliance WHERE co2_t > 100)"""

    assert json.loads(ask(text, "--json").stdout)["rows"] == [[2]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT * FROM gold.vessel_dya", "Did you mean gold.vessel_day?"),
        ("SELECT * FROM gold.route_performance", "run its stream or job first"),
        ("SELECT speed FROM gold.vessel_day", '"speed" not found'),
        ("SELECT FROM FROM", "syntax error"),
        ("DROP TABLE gold.vessel_day", "Only SELECT"),
        ("SELECT distance_nm::DATE FROM gold.vessel_day", "DATE"),
    ],
)
def test_a_wrong_query_is_one_sentence_and_exit_code_2(ask: Callable[..., Any], text: str, found: str) -> None:
    result = ask(text)

    assert result.exit_code == 2
    assert found in result.stderr
    assert result.stderr.count("\n") == 1
    assert result.stdout == ""
