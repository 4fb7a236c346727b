"""Kafka to Bronze on a real broker: every record once, with all its coordinates, and the ledger says so."""

from __future__ import annotations

from collections import Counter

import pytest
from confluent_kafka import Producer
from pyspark.sql import SparkSession

from consumers import bronze
from consumers.bronze import BRONZE_FLOWS
from contracts.settings import Settings
from contracts.tables import BRONZE_AIS
from contracts.topics import AIS
from infra.kafka import producer_config
from infra.topics import create_topics
from lakehouse import ledger
from lakehouse.runner import run_flows
from lakehouse.store import Store

AIS_FLOW = BRONZE_FLOWS[0]


@pytest.fixture
def store(spark: SparkSession, kafka: Settings) -> Store:
    return Store(spark, kafka.lake)


def publish(settings: Settings, first: int, count: int) -> None:
    producer = Producer(producer_config(settings))
    for number in range(first, first + count):
        producer.produce(AIS.name, key=str(number % 50), value=f"record {number}", headers=[("source", b"test")])
    assert producer.flush(30) == 0


def values(store: Store) -> Counter[bytes]:
    return Counter(bytes(row.value) for row in store.read(BRONZE_AIS).select("value").collect())


def test_every_record_lands_once_with_its_coordinates(store: Store, kafka: Settings) -> None:
    publish(kafka, 0, 300)
    run_flows([AIS_FLOW], kafka, once=True)
    publish(kafka, 300, 200)
    run_flows([AIS_FLOW], kafka, once=True)

    assert values(store) == Counter(f"record {number}".encode() for number in range(500))
    row = store.read(BRONZE_AIS).where("value = cast('record 7' as binary)").collect()[0]
    assert (bytes(row.kafka_key), row.kafka_topic) == (b"7", AIS.name)
    assert [(header.key, bytes(header.value)) for header in row.headers] == [("source", b"test")]
    assert row.published_at is not None


def test_the_ledger_holds_the_offsets_of_each_batch_without_a_gap(kafka: Settings) -> None:
    publish(kafka, 0, 300)
    run_flows([AIS_FLOW], kafka, once=True)
    publish(kafka, 300, 200)
    run_flows([AIS_FLOW], kafka, once=True)

    entries = ledger.entries(kafka.lake, "bronze.ais")

    assert [entry["rows_read"] for entry in entries] == [300, 200]
    reached: dict[int, int] = {}
    for entry in entries:
        for span in entry["ranges"]:
            assert span["start"] == reached.get(span["partition"], 0)
            reached[span["partition"]] = span["end"]
    assert sum(reached.values()) == 500


def test_a_crash_after_the_commit_and_before_the_ledger_repeats_nothing(
    store: Store, kafka: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(kafka, 0, 300)

    def crash(*_: object) -> None:
        raise RuntimeError("killed before the ledger")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "record", crash)
        with pytest.raises(Exception, match="killed before"):
            run_flows([AIS_FLOW], kafka, once=True)
    assert ledger.entries(kafka.lake) == []
    run_flows([AIS_FLOW], kafka, once=True)

    assert values(store) == Counter(f"record {number}".encode() for number in range(300))
    assert [entry["rows_accepted"] for entry in ledger.entries(kafka.lake, "bronze.ais")] == [300]


def test_a_topic_with_fewer_records_than_offsets_stops_the_stream(
    kafka: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(kafka, 0, 10)
    monkeypatch.setattr(bronze, "planned_ranges", lambda *_: (ledger.OffsetRange(AIS.name, 0, 0, 11),))

    with pytest.raises(Exception, match="offsets of 11 records planned, 10 landed"):
        run_flows([AIS_FLOW], kafka, once=True)


def test_a_topic_made_anew_is_told_and_nothing_is_skipped(kafka: Settings, eventually: object) -> None:
    from contracts.errors import DataLossError
    from infra.kafka import admin

    publish(kafka, 0, 300)
    run_flows([AIS_FLOW], kafka, once=True)
    with admin(kafka) as client:
        client.delete_topics([AIS.name])[AIS.name].result()
    create_topics(kafka)
    publish(kafka, 0, 5)

    with pytest.raises(DataLossError, match="deleted or made anew"):
        run_flows([AIS_FLOW], kafka, once=True)
