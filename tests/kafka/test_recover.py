"""A Bronze stream whose topic or checkpoint no longer fits is stopped before it writes, and goes on after `recover`."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from confluent_kafka import Producer, TopicPartition
from confluent_kafka.admin import NewPartitions
from pyspark.sql import SparkSession

from consumers.bronze import BRONZE_FLOWS
from contracts.errors import ContractError, DataLossError
from contracts.settings import Settings
from contracts.tables import BRONZE
from contracts.topics import ALERTS
from infra.kafka import admin, producer_config
from infra.topics import create_topics, partitions
from lakehouse import ledger
from lakehouse.runner import run_flows
from lakehouse.store import Store
from maritime.recover import recover
from maritime.verify_ledger import verify_ledger

(FLOW,) = (flow for flow in BRONZE_FLOWS if flow.name == "bronze.alerts")


def publish(settings: Settings, first: int, count: int, partition: int = 0) -> None:
    producer = Producer(producer_config(settings))
    for number in range(first, first + count):
        producer.produce(ALERTS.name, key=str(number), value=f"record {number}", partition=partition)
    assert producer.flush(30) == 0


def values(spark: SparkSession, settings: Settings) -> Counter[int]:
    rows = Store(spark, settings.lake).read(BRONZE[ALERTS]).select("value").collect()
    return Counter(int(bytes(row.value).split()[1]) for row in rows)


@pytest.fixture
def command(kafka: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Run a command in this test's home; its exit code and the JSON that it printed."""
    monkeypatch.setenv("MARITIME_HOME", str(kafka.home))
    monkeypatch.setenv("MARITIME_KAFKA_SERVERS", kafka.kafka_servers)

    def run(of: Any, *arguments: str) -> tuple[int, Any]:
        result = CliRunner().invoke(of, [*arguments, "--json"])
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result.exit_code, json.loads(result.stdout) if result.stdout else result.stderr

    return run


def test_a_lost_checkpoint_is_recovered_from_the_ledger(
    kafka: Settings, spark: SparkSession, command: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(kafka, 0, 20)
    run_flows([FLOW], kafka, once=True)
    publish(kafka, 20, 5)
    with monkeypatch.context() as patch:  # killed between the table and the ledger, and then the checkpoint is lost
        patch.setattr(ledger, "record", _die)
        with pytest.raises(Exception, match="killed"):
            run_flows([FLOW], kafka, once=True)
    shutil.rmtree(Path(kafka.checkpoints) / FLOW.name)
    publish(kafka, 25, 5)

    with pytest.raises(ContractError, match="checkpoint is lost"):
        run_flows([FLOW], kafka, once=True)
    code, told = command(recover, "bronze", "--topic", "alerts", "--dry-run")
    assert (code, told["streams"][0]["starts"], told["streams"][0]["entries"]) == (0, {"0": 25, "1": 0, "2": 0}, [1])
    with pytest.raises(ContractError, match="checkpoint is lost"):  # the dry run has changed nothing
        run_flows([FLOW], kafka, once=True)
    assert command(recover, "bronze", "--topic", "alerts")[0] == 0
    run_flows([FLOW], kafka, once=True)

    assert values(spark, kafka) == Counter(range(30))
    assert command(verify_ledger)[0] == 0
    assert command(recover, "bronze", "--topic", "alerts")[1]["streams"][0]["problem"] is None


def test_records_that_retention_took_are_named_and_left_out_only_when_a_person_says_so(
    kafka: Settings, spark: SparkSession, command: Callable[..., Any]
) -> None:
    publish(kafka, 0, 20)
    run_flows([FLOW], kafka, once=True)
    publish(kafka, 20, 10)
    with admin(kafka) as client:
        for future in client.delete_records([TopicPartition(ALERTS.name, 0, 24)]).values():
            future.result()

    with pytest.raises(DataLossError, match=r"offsets \[20, 24\) of partition 0"):
        run_flows([FLOW], kafka, once=True)
    code, told = command(verify_ledger)
    assert (code, [(d["partition"], d["start"], d["end"]) for d in told["differences"]]) == (1, [(0, 20, 24)])
    code, told = command(recover, "bronze", "--topic", "alerts")
    assert code == 6
    assert "--accept-loss" in told
    assert command(recover, "bronze", "--topic", "alerts", "--accept-loss")[0] == 0
    run_flows([FLOW], kafka, once=True)

    assert values(spark, kafka) == Counter([*range(20), *range(24, 30)])
    code, told = command(verify_ledger)
    assert (code, [(n["partition"], n["start"], n["end"]) for n in told["notes"][:1]]) == (0, [(0, 20, 24)])


def test_a_topic_made_anew_is_told_even_where_it_holds_more_than_the_old_one(
    kafka: Settings, spark: SparkSession, command: Callable[..., Any], eventually: Callable[..., None]
) -> None:
    publish(kafka, 0, 5)
    run_flows([FLOW], kafka, once=True)
    with admin(kafka) as client:
        client.delete_topics([ALERTS.name])[ALERTS.name].result()
    eventually(lambda: ALERTS.name not in partitions(kafka))
    with pytest.raises(DataLossError, match="deleted or made anew, and is not on the broker"):
        run_flows([FLOW], kafka, once=True)
    create_topics(kafka)
    publish(kafka, 5, 20)

    with pytest.raises(DataLossError, match="deleted or made anew"):
        run_flows([FLOW], kafka, once=True)
    assert values(spark, kafka) == Counter(range(5))
    assert command(recover, "bronze", "--topic", "alerts", "--accept-loss")[0] == 0
    run_flows([FLOW], kafka, once=True)

    assert values(spark, kafka) == Counter(range(25))
    assert command(verify_ledger)[0] == 0


def test_a_changed_partition_count_is_told_and_the_new_partition_is_read_whole(
    kafka: Settings, spark: SparkSession, command: Callable[..., Any], eventually: Callable[..., None]
) -> None:
    publish(kafka, 0, 5)
    run_flows([FLOW], kafka, once=True)
    with admin(kafka) as client:
        client.create_partitions([NewPartitions(ALERTS.name, 4)])[ALERTS.name].result()
    eventually(lambda: partitions(kafka)[ALERTS.name] == 4)
    publish(kafka, 5, 5, partition=3)
    publish(kafka, 10, 5)

    with pytest.raises(ContractError, match="4 partitions, and 3 are known"):
        run_flows([FLOW], kafka, once=True)
    assert command(recover, "bronze", "--topic", "alerts")[0] == 0
    run_flows([FLOW], kafka, once=True)

    assert values(spark, kafka) == Counter(range(15))
    assert command(verify_ledger)[0] == 0


def _die(*_: object) -> None:
    raise RuntimeError("killed before the ledger")
