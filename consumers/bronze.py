"""Kafka to Bronze: every record of the four topics, raw, with all its coordinates. Nothing is judged here.

As a script: ``spark-submit consumers/bronze.py [--once]``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as F

from consumers.offsets import planned_ranges
from consumers.preflight import check, starting_offsets
from contracts.errors import ContractError
from contracts.settings import Settings
from contracts.tables import BRONZE
from contracts.topics import TOPICS, Topic
from infra.kafka import spark_options
from lakehouse.flows import Batch, Flow
from lakehouse.ledger import Entry
from lakehouse.runner import main
from lakehouse.store import Store

FETCHED_AT_ONCE = {"kafka.max.poll.records": "50000", "kafka.max.partition.fetch.bytes": str(8 * 1024 * 1024)}
"""So that what a partition has new comes with few polls; Kafka's own limit is 500 records a poll."""
SMALL = 50_000
"""Records that one task lands as fast as several would: it writes one file, and costs the machine less."""


def read_topic(topic: Topic) -> Callable[[SparkSession, Settings], DataFrame]:
    """The topic as a stream, from where the ledger ends; data that retention took is an error, never a silent gap."""

    def source(spark: SparkSession, settings: Settings) -> DataFrame:
        options = {
            **spark_options(settings),
            "subscribe": topic.name,
            "startingOffsets": starting_offsets(settings, topic),  # of a new checkpoint; else Spark knows better
            "failOnDataLoss": "true",
            "includeHeaders": "true",
            "maxOffsetsPerTrigger": str(settings.batch_max_records),
            **FETCHED_AT_ONCE,
        }
        return spark.readStream.format("kafka").options(**options).load()

    return source


def bronze_rows(records: DataFrame, topic: Topic) -> DataFrame:
    """Kafka's columns under our names: one row per record."""
    # As one of two elements, chosen at run time, the instant is no constant of the code that Spark makes for the rows:
    # that stays the same from batch to batch, and is compiled once.
    now = F.element_at(
        F.array(F.current_timestamp(), F.current_timestamp()), F.when(F.col("offset") < 0, 2).otherwise(1)
    )
    return records.select(
        F.col("topic").alias("kafka_topic"),
        F.col("partition").alias("kafka_partition"),
        F.col("offset").alias("kafka_offset"),
        F.col("timestamp").alias("published_at"),
        F.col("key").alias("kafka_key"),
        "value",
        "headers",
        now.alias("ingested_at"),
        F.to_date(now).alias("ingested_on"),
    ).select(*BRONZE[topic].columns)


def land(topic: Topic) -> Callable[[Store, Settings, Batch], Entry]:
    """What a batch of the topic does: one append that carries its offsets and its identity."""
    table = BRONZE[topic]

    def process(store: Store, settings: Settings, batch: Batch) -> Entry:
        ranges = planned_ranges(settings, batch)
        planned = sum(r.end - r.start for r in ranges)
        txn = batch.txn(table)
        tasks = settings.spark_shuffle_partitions if planned > SMALL else 1
        rows = bronze_rows(batch.rows, topic).coalesce(tasks)
        store.append(table, rows, txn, batch.commit_metadata(txn, ranges))
        version, landed = store.committed(table, txn)
        if landed != planned:
            raise ContractError(
                f"{topic.name}: offsets of {planned} records planned, {landed} landed in {table.name} {version}. "
                "The topic has gaps (compaction or transactions), which its contract excludes."
            )
        return Entry(
            stream=batch.flow,
            batch_id=batch.batch_id,
            app_id=batch.app_id,
            ranges=ranges,
            rows_read=planned,
            rows_accepted=landed,
            started_at=batch.started_at,
            finished_at=datetime.now(UTC),
            versions={table.name: version},
        )

    return process


BRONZE_FLOWS = [
    Flow(
        name=f"bronze.{topic.short}",
        source=read_topic(topic),
        tables=(BRONZE[topic],),
        process=land(topic),
        pause="trigger_seconds",
        preflight=partial(check, topic=topic),
    )
    for topic in TOPICS
]

if __name__ == "__main__":
    main(BRONZE_FLOWS)
