"""The peer of our Bronze stream: what one would write by hand with confluent-kafka, pyarrow and delta-rs.

Same columns, same exactly-once promise: each commit carries the offsets reached, as one app transaction per
partition, and a new start goes on from there. No JVM, no plan, no ledger.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import cast

import pyarrow as pa
from confluent_kafka import Consumer, KafkaException, Message, TopicPartition
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake

from contracts.settings import Settings
from contracts.topics import Topic
from infra.kafka import client_config

Headers = list[tuple[str, bytes]]
CONSUME = 20_000
HEADER = pa.struct([("key", pa.string()), ("value", pa.binary())])
WRITER = WriterProperties(compression="ZSTD")
UTC_US = pa.timestamp("us", tz="UTC")


def append_topic(settings: Settings, topic: Topic, path: str) -> int:
    """Append what the topic holds and the table does not yet; return the rows appended.

    A commit takes as many records as a batch of our own stream.
    """
    consumer = Consumer(
        client_config(settings)
        | {
            "group.id": "bench-appender",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "auto.offset.reset": "error",
            "queued.min.messages": 1_000_000,
            "queued.max.messages.kbytes": 262_144,
        }
    )
    try:
        return _append(consumer, settings.batch_max_records, topic, path)
    finally:
        consumer.close()


def _append(consumer: Consumer, commit_records: int, topic: Topic, path: str) -> int:
    reached = _offsets(topic, path)
    ends = {p: consumer.get_watermark_offsets(TopicPartition(topic.name, p))[1] for p in reached}
    consumer.assign([TopicPartition(topic.name, p, offset) for p, offset in reached.items()])
    pending: list[pa.RecordBatch] = []
    appended = 0
    while any(reached[p] < end for p, end in ends.items()):
        messages = consumer.consume(CONSUME, timeout=0.2)
        if messages:
            pending.append(_columns(messages, topic))
            reached |= _reached(pending[-1])
        waiting = sum(batch.num_rows for batch in pending)
        if waiting and (waiting >= commit_records or all(reached[p] >= end for p, end in ends.items())):
            _commit(pending, reached, topic, path)
            appended += waiting
            pending = []
    return appended


def _offsets(topic: Topic, path: str) -> dict[int, int]:
    """Next offset per partition, from the table's own log."""
    table = DeltaTable(path) if DeltaTable.is_deltatable(path) else None
    names = {p: f"{topic.name}:{p}" for p in range(topic.partitions)}
    return {p: (table.transaction_version(name) if table else None) or 0 for p, name in names.items()}


def _reached(batch: pa.RecordBatch) -> dict[int, int]:
    """Next offset of each partition in the batch: the last one stays, since a partition's records come in order."""
    offsets = batch.column("kafka_offset").to_numpy() + 1
    return dict(zip(batch.column("kafka_partition").to_numpy().tolist(), offsets.tolist(), strict=True))


def _columns(messages: list[Message], topic: Topic) -> pa.RecordBatch:
    for message in messages:
        if message.error() is not None:
            raise KafkaException(message.error())
    count = len(messages)
    now = datetime.now(UTC)
    times_ms = pa.array([message.timestamp()[1] for message in messages], pa.timestamp("ms", tz="UTC"))
    return pa.RecordBatch.from_pydict(
        {
            "kafka_topic": pa.repeat(topic.name, count),
            "kafka_partition": pa.array([message.partition() for message in messages], pa.int32()),
            "kafka_offset": pa.array([message.offset() for message in messages], pa.int64()),
            "published_at": times_ms.cast(UTC_US),
            "kafka_key": pa.array([message.key() for message in messages], pa.binary()),
            "value": pa.array([message.value() for message in messages], pa.binary()),
            "headers": _headers(cast("list[Headers]", [message.headers() for message in messages])),
            "ingested_at": pa.repeat(pa.scalar(now, UTC_US), count),
            "ingested_on": pa.repeat(pa.scalar(now.date(), pa.date32()), count),
        }
    )


def _headers(headers: list[Headers]) -> pa.ListArray:
    """Flat arrays and where each record's part ends: building a list of dictionaries takes four times as long."""
    ends = [0]
    for of_one in headers:
        ends.append(ends[-1] + len(of_one))
    keys = pa.array([key for of_one in headers for key, _ in of_one], pa.string())
    values = pa.array([value for of_one in headers for _, value in of_one], pa.binary())
    return pa.ListArray.from_arrays(
        pa.array(ends, pa.int32()), pa.StructArray.from_arrays([keys, values], fields=list(HEADER))
    )


def _commit(batches: list[pa.RecordBatch], reached: dict[int, int], topic: Topic, path: str) -> None:
    offsets = [Transaction(f"{topic.name}:{p}", offset) for p, offset in reached.items()]
    write_deltalake(
        path,
        pa.Table.from_batches(batches),
        mode="append",
        writer_properties=WRITER,
        commit_properties=CommitProperties(app_transactions=offsets),
    )
