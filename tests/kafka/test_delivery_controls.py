"""Negative controls: with a guard taken out, the checker of the delivery proof must find what the guard prevents."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pyspark.sql import SparkSession

from consumers import bronze
from consumers.bronze import BRONZE_FLOWS
from consumers.offsets import planned_ranges
from contracts.errors import ContractError, LockedError
from contracts.settings import Settings
from contracts.tables import BRONZE_AIS, SILVER_POSITIONS, Table
from infra import crash
from lakehouse.flows import Batch, writing
from lakehouse.gold import GOLD_FLOWS
from lakehouse.ledger import Entry
from lakehouse.runner import run_flows
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store
from maritime.delivery.evidence import collect
from maritime.delivery.proof import Finding, prove
from maritime.delivery.stream import Sent, write_stream
from maritime.delivery.workplace import command

EVENTS = 300
BRONZE, SILVER, GOLD = BRONZE_FLOWS[0], SILVER_FLOWS[0], GOLD_FLOWS[0]
IN_BRONZE = "records on the broker are in Bronze once"
IN_SILVER = "positions of Bronze are in Silver once (late ones in silver.late)"
IN_GOLD = "positions counted in Gold, by vessel and day"


@dataclass(frozen=True)
class Line:
    """The known stream on the broker, and a lake of this test's own."""

    settings: Settings
    stream: list[Sent]

    def run(self) -> None:
        for flow in (BRONZE, SILVER, GOLD):
            run_flows([flow], self.settings, once=True)

    def crash_at(self, place: str) -> None:
        """Run until the stream dies there."""
        with pytest.raises(Exception, match="killed at"):
            Line(self.settings.model_copy(update={"crash_at": place}), self.stream).run()

    def wrong(self) -> dict[str, Finding]:
        findings = prove(self.stream, EVENTS, collect(self.settings))
        return {finding.check: finding for finding in findings if not finding.holds}


@pytest.fixture(scope="module")
def published(
    empty_topics: Callable[[], Settings], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, list[Sent]]:
    """The known stream, published by the producer itself."""
    home = tmp_path_factory.mktemp("published")
    settings = empty_topics().model_copy(update={"home": home, "spark_shuffle_partitions": 1})
    stream = write_stream(home / "stream.jsonl", 1, EVENTS)
    produce = command(settings, "produce", "ais", "--from", "events", str(home / "stream.jsonl"))
    subprocess.run(produce, cwd=home, check=True, capture_output=True, timeout=120)
    return settings, stream


@pytest.fixture(scope="module")
def arrived(published: tuple[Settings, list[Sent]], spark: SparkSession) -> Line:
    """The stream in a lake, with every guard in place."""
    line = Line(*published)
    line.run()
    return line


@pytest.fixture
def copied(arrived: Line, tmp_path: Path) -> Line:
    """A copy of that lake, to be damaged."""
    shutil.copytree(arrived.settings.lake, tmp_path / "lake")
    return replace(arrived, settings=arrived.settings.model_copy(update={"lake_root": str(tmp_path / "lake")}))


@pytest.fixture
def line(
    published: tuple[Settings, list[Sent]], spark: SparkSession, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Line:
    """The stream on the broker and an empty lake; a named place raises, since a SIGKILL would end the tests too."""

    def die(name: str, armed: str | None) -> None:
        if name == armed:
            raise RuntimeError(f"killed at {name}")

    monkeypatch.setattr(crash, "point", die)
    settings, stream = published
    return Line(settings.model_copy(update={"home": tmp_path}), stream)


def without_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave txnAppId out of every write."""
    append, upsert = Store.append, Store.upsert

    def append_anonymously(self: Store, table: Table, rows: Any, txn: Any = None, metadata: Any = None) -> None:
        append(self, table, rows, None, metadata)

    def upsert_anonymously(self: Store, table: Table, rows: Any, txn: Any = None, **conditions: Any) -> int:
        return upsert(self, table, rows, None, **conditions)

    monkeypatch.setattr(Store, "append", append_anonymously)
    monkeypatch.setattr(Store, "upsert", upsert_anonymously)


def test_a_line_that_dies_in_every_room_and_goes_on_is_proven(line: Line) -> None:
    for place in ("bronze.ais.before_ledger", "silver.ais.after_accepted", "gold.vessels.after_days"):
        line.crash_at(place)
    line.run()

    assert line.wrong() == {}


def test_without_txn_app_id_a_replayed_batch_is_found_twice_in_bronze_and_silver_stops_at_it(
    line: Line, spark: SparkSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_identity(monkeypatch)
    line.crash_at("bronze.ais.before_ledger")

    with pytest.raises(ContractError, match=r"silver\.positions"):
        line.run()
    for table in GOLD.tables:  # which Gold has not come to
        Store(spark, line.settings.lake).create(table)
    assert line.wrong()[IN_BRONZE].twice


def test_gold_counts_a_replayed_batch_once_even_without_txn_app_id_since_it_computes_known_days_anew(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_identity(monkeypatch)

    line.crash_at("gold.vessels.after_days")
    line.run()

    assert line.wrong() == {}


def test_without_txn_app_id_silver_takes_its_own_rows_for_duplicates_and_stops_at_a_batch_that_does_not_add_up(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_identity(monkeypatch)

    line.crash_at("silver.ais.after_accepted")

    with pytest.raises(ContractError, match=r"silver.positions version \d+ holds .* they should be"):
        line.run()


def test_offsets_committed_before_the_effect_are_found_as_lost(line: Line) -> None:
    def note_only(_store: Store, settings: Settings, batch: Batch) -> Entry:
        """Acknowledge the batch and die before writing it."""
        ranges = planned_ranges(settings, batch)
        count, now = sum(span.end - span.start for span in ranges), datetime.now(UTC)
        return Entry(batch.flow, batch.batch_id, batch.app_id, ranges, count, count, now, now)

    part = line.settings.model_copy(update={"batch_max_records": EVENTS})
    run_flows([replace(BRONZE, process=note_only)], part, once=True)
    line.run()

    assert len(line.wrong()[IN_BRONZE].lost) == EVENTS


def test_a_second_writer_of_a_table_is_refused_and_without_the_lock_its_records_are_found_twice(
    line: Line, monkeypatch: pytest.MonkeyPatch
) -> None:
    line.run()

    with writing([BRONZE], line.settings), pytest.raises(LockedError, match="Another process writes"):
        run_flows([BRONZE], line.settings, once=True)
    monkeypatch.setattr(bronze, "starting_offsets", lambda *_: "earliest")  # it would go on from the ledger
    run_flows([replace(BRONZE, name="bronze.other")], line.settings, once=True)  # a lock and a checkpoint of its own

    assert len(line.wrong()[IN_BRONZE].twice) == EVENTS


def test_rows_cut_out_of_a_table_are_found_as_lost(copied: Line, spark: SparkSession) -> None:
    assert copied.wrong() == {}

    for table in (BRONZE_AIS, SILVER_POSITIONS):
        spark.sql(f"DELETE FROM delta.`{copied.settings.lake}/{table.path}` WHERE kafka_offset = 3")

    found = copied.wrong()
    assert {place.split("/")[1] for place in found[IN_BRONZE].lost} == {"3"}
    assert found["acknowledged events are in Bronze"].lost
    assert found[IN_GOLD].twice


def test_rows_cut_out_of_silver_alone_are_found_as_lost_and_rows_put_in_again_as_twice(
    copied: Line, spark: SparkSession
) -> None:
    path = f"delta.`{copied.settings.lake}/{SILVER_POSITIONS.path}`"
    spark.sql(f"INSERT INTO {path} SELECT * FROM {path} WHERE kafka_offset = 5")
    spark.sql(f"DELETE FROM {path} WHERE kafka_offset = 3")

    found = copied.wrong()[IN_SILVER]

    assert found.lost
    assert found.twice
