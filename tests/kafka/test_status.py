"""`maritime status`: what the broker, the ledger and the Delta logs tell, without Spark."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime

import deltalake
import pytest
from click.testing import CliRunner
from confluent_kafka import Producer
from deltalake import write_deltalake
from pyspark.sql import SparkSession

from consumers.bronze import BRONZE_FLOWS
from contracts.settings import Settings
from contracts.tables import OPS_LEDGER, TABLES
from contracts.topics import AIS
from infra.kafka import producer_config
from lakehouse.gold import GOLD_FLOWS
from lakehouse.ledger import Entry
from lakehouse.ops_rows import arrow_rows
from lakehouse.runner import run_flows
from lakehouse.silver import SILVER_FLOWS
from lakehouse.status import TABLE_OF, TOPIC_OF, Status, StreamStatus, line_status
from maritime.status import status as command

START_MS = 1_700_000_000_000


def publish(settings: Settings, first: int, count: int) -> None:
    producer = Producer(producer_config(settings))
    for number in range(first, first + count):
        event = {"event_type": "position", "schema_version": 1, "source": "noaa", "event_id": f"e{number}"}
        where = {"mmsi": 366053209 + number % 7, "observed_at_ms": START_MS + number * 60_000}
        value = json.dumps({**event, **where, "lat_deg": 30.0, "lon_deg": 32.0, "sog_kn": 1.0})
        producer.produce(AIS.name, key=str(where["mmsi"]), value=value)
    assert producer.flush(30) == 0


def stream(found: Status, name: str) -> StreamStatus:
    return next(s for s in found.streams if s.stream == name)


def test_each_stream_tells_how_far_it_is_behind(spark: SparkSession, kafka: Settings) -> None:
    publish(kafka, 0, 40)
    for flow in (BRONZE_FLOWS[0], SILVER_FLOWS[0], GOLD_FLOWS[0]):
        run_flows([flow], kafka, once=True)
    caught_up = line_status(kafka, datetime.now(UTC))
    for name in ("bronze.ais", "silver.ais", "gold.vessels"):
        assert (stream(caught_up, name).lag_records, stream(caught_up, name).lag_seconds) == (0, 0.0)

    publish(kafka, 40, 10)
    published = time.time()
    run_flows([BRONZE_FLOWS[0]], kafka, once=True)
    publish(kafka, 50, 5)
    behind = line_status(kafka, datetime.now(UTC))

    assert stream(behind, "bronze.ais").lag_records == 5
    assert stream(behind, "silver.ais").lag_records == 10
    assert stream(behind, "gold.vessels").lag_records == 0
    assert 0 < (stream(behind, "bronze.ais").lag_seconds or 0) <= time.time() - published
    assert 0 < (stream(behind, "silver.ais").lag_seconds or 0) <= time.time() - published
    assert stream(behind, "bronze.ais").total["rows_read"] == 50
    assert stream(behind, "bronze.ais").last["rows_read"] == 10
    positions = next(t for t in behind.tables if t.table == "silver.positions")
    assert (positions.rows, positions.newest_at) == (
        40,
        datetime.fromtimestamp(START_MS / 1000 + 39 * 60, UTC),
    )
    assert next(t for t in behind.topics if t.topic == AIS.name).records == 55


@pytest.fixture
def away(settings: Settings, free_port: Callable[[], int]) -> Settings:
    """Settings of a broker that is not there."""
    return settings.model_copy(update={"kafka_servers": f"127.0.0.1:{free_port()}"})


def test_a_broker_that_is_away_is_a_state_and_no_crash(away: Settings) -> None:
    found = line_status(away, datetime.now(UTC))

    assert "is away" in found.broker
    assert stream(found, "bronze.ais").lag_records is None
    assert found.is_sound


def test_a_batch_that_does_not_add_up_ends_the_command_with_1(away: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    now = datetime.now(UTC)
    entry = asdict(Entry("silver.ais", 3, "silver.ais:c1", (), 10, 10, now, now))
    path = f"{away.lake}/{OPS_LEDGER.path}"
    write_deltalake(path, arrow_rows(OPS_LEDGER, [{**entry, "rows_accepted": 9}]))
    monkeypatch.setenv("MARITIME_HOME", str(away.home))
    monkeypatch.setenv("MARITIME_KAFKA_SERVERS", away.kafka_servers)

    result = CliRunner().invoke(command, ["--json"])

    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert told["is_sound"] is False
    assert [s["broken_batches"] for s in told["streams"] if s["stream"] == "silver.ais"] == [[3]]
    assert deltalake.DeltaTable(path).version() == 0


def test_every_stream_and_table_is_told(away: Settings) -> None:
    names = {flow.name for flow in (*BRONZE_FLOWS, *SILVER_FLOWS, *GOLD_FLOWS)}

    assert names == TOPIC_OF.keys() | TABLE_OF.keys()
    assert {s.stream for s in line_status(away, datetime.now(UTC)).streams} == names
    assert {table.name for table in TABLE_OF.values()} <= {table.name for table in TABLES}
