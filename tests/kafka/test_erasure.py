"""A vessel is erased from topics, tables, history and logs, whatever breaks it off; all else stays and adds up."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Consumer, Producer, TopicPartition
from pyspark.sql import SparkSession

import maritime.erase
from consumers.bronze import BRONZE_FLOWS
from contracts.settings import Settings
from contracts.tables import (
    BRONZE_AIS,
    GOLD_VESSEL_DAY,
    GOLD_VESSEL_LATEST,
    SILVER_POSITIONS,
    SILVER_QUARANTINE,
    SILVER_VESSELS,
)
from contracts.topics import AIS
from infra.erasure import letters, topics
from infra.erasure.records import records
from infra.kafka import admin, client_config, producer_config
from infra.marks import topic_states
from lakehouse.erasure import history, rows
from lakehouse.flows import writing
from lakehouse.gold import GOLD_FLOWS
from lakehouse.runner import run_flows
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store
from maritime.cli import main

ANNA, BERTA, CLARA = 366053209, 366053210, 366053211
FLEET = (ANNA, BERTA, CLARA)
START_MS = 1_700_000_000_000
FLOWS = [BRONZE_FLOWS[0], SILVER_FLOWS[0], *GOLD_FLOWS]
DLQ = AIS.dead_letter.name
Run = Callable[..., Result]
Contents = dict[str, Counter[str]]


@pytest.fixture(scope="module")
def kafka(
    empty_topics: Callable[[], Settings],
    kafka_settings: Settings,
    spark: SparkSession,
    tmp_path_factory: pytest.TempPathFactory,
) -> Settings:
    """A home with the broker in it, whose streams have read positions of three vessels."""
    home = tmp_path_factory.mktemp("erasure")
    (home / "broker").symlink_to(kafka_settings.home.absolute() / "broker")
    settings = empty_topics().model_copy(update={"home": home, "spark_shuffle_partitions": 1})
    publish(settings, 0, 10)
    read(settings)
    return settings


@pytest.fixture
def run(kafka: Settings) -> Run:
    """Run `maritime` in this home."""
    environment = {"MARITIME_HOME": str(kafka.home), "MARITIME_KAFKA_SERVERS": kafka.kafka_servers}
    return lambda *arguments: CliRunner().invoke(main, arguments, env=environment)


def read(settings: Settings) -> None:
    """Let each stream read what the one before has written."""
    for flow in FLOWS:
        run_flows([flow], settings, once=True)


def event(mmsi: int, minute: int, **changes: Any) -> dict[str, Any]:
    return {
        "event_id": f"position-{mmsi}-{minute}",
        "event_type": "position",
        "schema_version": 1,
        "source": "test",
        "mmsi": mmsi,
        "observed_at_ms": START_MS + 60_000 * minute,
        "lat_deg": 37.8,
        "lon_deg": -122.3,
        "sog_kn": 0.0,
        "vessel_name": f"NAME OF {mmsi}",
        **changes,
    }


def publish(settings: Settings, first: int, count: int) -> None:
    """Positions of each vessel, one of each that is too fast for Silver, and dead letters of each."""
    producer = Producer(producer_config(settings))
    for minute in range(first, first + count):
        for mmsi in FLEET:
            changes = {"sog_kn": 90.0} if minute == first else {}
            producer.produce(AIS.name, key=str(mmsi), value=json.dumps(event(mmsi, minute, **changes)))
            producer.produce(DLQ, value=f"{mmsi},broken,{minute}", headers=[("reason", b"not_json")])
    assert producer.flush(30) == 0


def contents(store: Store) -> Contents:
    """Every row of the tables that are not Anna's, whatever files they are in."""
    tables_there = (
        BRONZE_AIS, SILVER_POSITIONS, SILVER_VESSELS, SILVER_QUARANTINE, GOLD_VESSEL_DAY, GOLD_VESSEL_LATEST,
    )  # fmt: skip
    found = {t.name: Counter(map(str, store.read(t).collect())) for t in tables_there}
    return {name: Counter({r: n for r, n in of.items() if str(ANNA) not in r}) for name, of in found.items()}


def kept_letters(settings: Settings) -> Counter[bytes]:
    state = topic_states(settings, [DLQ])[DLQ]
    return Counter(record.value or b"" for record in records(settings, state))


def break_off(*_: object, **__: object) -> None:
    raise RuntimeError("killed")


def test_an_erasure_is_refused_in_one_sentence_as_long_as_somebody_reads_or_writes(kafka: Settings, run: Run) -> None:
    with writing([SILVER_FLOWS[0]], kafka):
        running = run("erase", "--mmsi", str(ANNA), "--yes")
    assert (running.exit_code, running.stderr.strip()) == (
        4,
        "error: An erasure needs everything to stand still, and silver.ais runs: `maritime down`, or stop it, first.",
    )

    consumer = Consumer(client_config(kafka) | {"group.id": "somebody-else"})
    consumer.commit(offsets=[TopicPartition(AIS.name, p, 0) for p in range(AIS.partitions)], asynchronous=False)
    consumer.close()
    behind = run("erase", "--mmsi", str(ANNA), "--yes")
    assert (behind.exit_code, "consumer group somebody-else (30 records)" in behind.stderr) == (2, True)
    with admin(kafka) as client:
        client.delete_consumer_groups(["somebody-else"])["somebody-else"].result()

    publish(kafka, 10, 2)
    ahead = run("erase", "--mmsi", str(ANNA), "--dry-run")
    assert (ahead.exit_code, "6 records of maritime.ais.data are not in Bronze yet" in ahead.stderr) == (0, True)
    run_flows([FLOWS[0]], kafka, once=True)
    unread = run("erase", "--mmsi", str(ANNA), "--yes")
    assert (unread.exit_code, unread.stderr.strip()) == (
        2,
        "error: stream silver.ais has not read all of bronze.ais: run `maritime stream all --once`, then try again.",
    )
    assert not (kafka.audit_home / "log.jsonl").exists()
    read(kafka)


def test_an_erasure_leaves_nothing_of_the_vessel_and_all_of_the_others_whatever_breaks_it_off(
    kafka: Settings, spark: SparkSession, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Store(spark, kafka.lake)
    others = contents(store)
    ends = {number: high for number, (_, high) in topic_states(kafka, [AIS.name])[AIS.name].marks.items()}
    letters_of_others = Counter({v: n for v, n in kept_letters(kafka).items() if str(ANNA).encode() not in v})
    kafka.reports.mkdir(parents=True)
    (kafka.reports / "voyages.html").write_text(f"<td>{ANNA}</td>")
    before = run("verify", "erase", "--mmsi", str(ANNA), "--json")
    places = {hit["kind"] for hit in json.loads(before.stdout)["hits"]}
    assert (before.exit_code, places) == (1, {"data file", "Delta log", "topic", "segment file", "file"})

    breaks: list[tuple[Any, str]] = [
        (topics, "wait_until_gone"),  # topics are held up and told to keep nothing
        (letters, "_copy"),
        (topics, "delete_before"),  # dead letters that stay are there twice
        (rows, "record"),
        (Store, "erase"),  # noted and not erased
        (history, "delete_files"),
        (history, "_delete_older"),  # files gone, checkpoint written
        (history, "_replace"),
        (maritime.erase, "erase_in_files"),
    ]
    for of, name in breaks:
        with monkeypatch.context() as patch:
            patch.setattr(of, name, break_off)
            broken = run("erase", "--mmsi", str(ANNA), "--yes")
            assert isinstance(broken.exception, RuntimeError), (name, broken.output)
    done = run("erase", "--mmsi", str(ANNA), "--yes", "--json")
    assert done.exit_code == 0, done.output

    assert json.loads(run("verify", "erase", "--mmsi", str(ANNA), "--json").stdout) == {"is_erased": True, "hits": []}
    everything = b"".join(path.read_bytes() for path in Path(kafka.lake).rglob("*") if path.is_file())
    assert f"NAME OF {ANNA}".encode() not in everything
    assert contents(store) == others
    assert kept_letters(kafka) == letters_of_others
    state = topic_states(kafka, [AIS.name])[AIS.name]
    assert state.marks == {partition: (end, end) for partition, end in ends.items()}
    assert changed_settings(kafka) == {}
    again = run("erase", "--mmsi", str(ANNA), "--yes", "--json")
    assert (again.exit_code, json.loads(again.stdout)["tables"]) == (0, [])
    assert run("verify", "audit").exit_code == 0
    assert str(ANNA) not in (kafka.audit_home / "log.jsonl").read_text()

    ledger = run("verify", "ledger", "--json")
    assert ledger.exit_code == 0, ledger.stdout
    publish(kafka, 20, 5)  # the streams go on, also with the vessel, whose later records are new ones
    read(kafka)
    ledger = run("verify", "ledger", "--json")
    assert ledger.exit_code == 0, ledger.stdout
    counted = {row.mmsi: row.position_count for row in store.read(GOLD_VESSEL_DAY).collect()}
    assert counted == {ANNA: 4, BERTA: 14, CLARA: 14}


def changed_settings(settings: Settings) -> dict[str, str]:
    """Settings of topics that an erasure changes and that are not as they were made."""
    names = {"retention.bytes", "file.delete.delay.ms", "segment.ms"}
    with admin(settings) as client:
        own = {
            f"{topic}: {name}": value for topic in (AIS.name, DLQ) for name, value in topics._own(client, topic).items()
        }
    return {name: value for name, value in own.items() if name.split(": ")[1] in names or value == "1000"}
