"""A stream tells as long as a batch is in hand: so that neither its locks nor its process end before it."""

from __future__ import annotations

from threading import Event

import pytest
from pyspark.sql import DataFrame, SparkSession

from contracts.settings import Settings
from contracts.tables import BRONZE_AIS
from lakehouse import flows, ledger
from lakehouse.flows import Batch, Flow, Running
from lakehouse.ledger import Entry
from lakehouse.store import Store


def test_a_batch_is_under_way_until_it_is_in_the_ledger(
    spark: SparkSession, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    running: list[Running] = []
    begun = Event()
    held: list[bool] = []

    def note(*_: object) -> None:
        held.append(running[0].under_way.locked())

    def process(_store: Store, _settings: Settings, batch: Batch) -> Entry:
        begun.wait()
        note()
        at = batch.started_at
        return Entry(batch.flow, batch.batch_id, batch.app_id, (), 1, 1, at, at)

    def source(spark: SparkSession, _settings: Settings) -> DataFrame:
        return spark.readStream.format("rate-micro-batch").option("rowsPerBatch", 1).load()

    monkeypatch.setattr(ledger, "record", note)
    flow = Flow("test.under_way", source, (BRONZE_AIS,), process, "trigger_seconds")
    running.append(flows.start(flow, spark, settings, once=True))
    begun.set()
    running[0].query.awaitTermination()

    assert held == [True, True]
    assert not running[0].under_way.locked()
