"""How every stream of the lake runs: what it reads, what a micro-batch does, how it starts and ends."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Lock
from typing import Any, Literal

from pyspark.sql import DataFrame, SparkSession
from pyspark.sql.streaming.query import StreamingQuery

from contracts.settings import Settings
from contracts.tables import OPS_LEDGER, Table
from infra import crash
from infra.lock import single_writer
from lakehouse import ledger, provenance
from lakehouse.checkpoints import source_end, version_read
from lakehouse.evolution import checkpoint_versions
from lakehouse.logs import Logs
from lakehouse.schema import as_declared
from lakehouse.store import Store, Txn


@dataclass(frozen=True, slots=True)
class Batch:
    """A micro-batch: its records and its identity, which is the same when it is replayed after a crash.

    ``previous`` is the entry of the batch before, where this process has run it. ``crash_at`` is the setting.
    ``source_end`` is where it ends in what the stream reads, as its checkpoint says. ``made_by`` are code, contracts,
    settings and rules that its commits rest on. ``memory`` is what the stream keeps from batch to batch, gone with the
    process.
    """

    flow: str
    rows: DataFrame
    batch_id: int
    checkpoint_id: str
    started_at: datetime
    previous: ledger.Entry | None = None
    crash_at: str | None = None
    source_end: str | None = None
    made_by: Mapping[str, Any] = field(default_factory=dict)
    memory: dict[str, Any] = field(default_factory=dict)

    @property
    def app_id(self) -> str:
        """Stream and checkpoint: a new checkpoint is a new writer."""
        return f"{self.flow}:{self.checkpoint_id}"

    def txn(self, table: Table) -> Txn:
        """The batch's identity in one table's log, so that each table is idempotent by itself."""
        return Txn(f"{table.name}:{self.app_id}", self.batch_id)

    def crash_point(self, place: str) -> None:
        """A place at which the process can be made to die: ``<flow>.<place>``."""
        crash.point(f"{self.flow}.{place}", self.crash_at)

    def watermarks_before(self, root: str) -> dict[str, datetime]:
        """Event time reached per source before this batch; the ledger is asked by a stream's first batch only."""
        if self.previous and self.previous.batch_id == self.batch_id - 1:
            return dict(self.previous.watermarks)
        return ledger.watermarks_before(root, self.flow, self.app_id, self.batch_id)

    @property
    def source_version(self) -> int | None:
        """Version of the Delta table that it reads to; null where that is not known."""
        return version_read(json.loads(self.source_end))[0] if self.source_end else None

    def commit_metadata(self, txn: Txn, ranges: Sequence[ledger.OffsetRange]) -> dict[str, Any]:
        """What the Delta commit says of itself: the batch, the Kafka offsets in it, and where it ends in its source."""
        offsets = [[r.topic, r.partition, r.start, r.end] for r in ranges]
        end = {"source_end": self.source_end} if self.source_end else {}
        return {"app_id": txn.app_id, "batch_id": txn.version, "offsets": offsets, **end, **self.made_by}


Watch = Callable[[Batch], AbstractContextManager[Callable[[ledger.Entry], None]]]
"""Is told that a batch begins, and what it was once it is in the ledger; an error is what leaves the block."""


@contextmanager
def unwatched(_batch: Batch) -> Iterator[Callable[[ledger.Entry], None]]:
    """Tells nobody."""
    yield lambda _entry: None


@dataclass(frozen=True, slots=True)
class Flow:
    """A stream: where it reads, the tables it alone writes, what a batch does.

    ``process`` writes the batch and returns its ledger entry. ``pause`` names the setting of its trigger.
    ``preflight`` raises where the stream must not start as things are; nothing has been written by then. ``rules``
    gives the fingerprint of the row rules that it judges by. ``finish`` is called after the last batch of a stream that
    ends in order. ``versions`` are those whose checkpoints it can go on
    from, its own last: a change after which it cannot go on from the one before takes that out.
    """

    name: str
    source: Callable[[SparkSession, Settings], DataFrame]
    tables: tuple[Table, ...]
    process: Callable[[Store, Settings, Batch], ledger.Entry]
    pause: Literal["trigger_seconds", "gold_trigger_seconds"]
    preflight: Callable[[Settings], None] | None = None
    rules: Callable[[SparkSession, Settings], str] | None = None
    finish: Callable[[Store, Batch], None] | None = None
    versions: tuple[int, ...] = (1,)


@dataclass(frozen=True, slots=True)
class Running:
    """A stream that was started; ``finish`` is to be called once its query has ended in order.

    ``under_way`` is held by its thread as long as it has a batch in hand.
    """

    query: StreamingQuery
    finish: Callable[[], None]
    under_way: Lock


def start(flow: Flow, spark: SparkSession, settings: Settings, *, once: bool, watch: Watch = unwatched) -> Running:
    """Start the stream: until it has caught up (``once``), or until it is stopped.

    Its tables are created first; the ledger entry is written after all of them, the checkpoint after the ledger.
    ``watch`` is told of each batch.
    """
    store = Store(spark, settings.lake)
    for table in (*flow.tables, OPS_LEDGER):
        store.create(table)

    previous: ledger.Entry | None = None
    last: Batch | None = None
    memory: dict[str, Any] = {}
    logs: Logs = {}
    rules = flow.rules(spark, settings) if flow.rules else None
    made_by = provenance.made_by(flow.tables, settings, rules)
    under_way = Lock()

    def run(rows: DataFrame, batch_id: int) -> None:
        with under_way:
            run_batch(rows, batch_id)

    def run_batch(rows: DataFrame, batch_id: int) -> None:
        nonlocal previous, last
        session = rows.sparkSession  # the query's own copy: what is set here reaches no other stream
        session.conf.set("spark.sql.adaptive.enabled", "false")  # it adds a job per shuffle, too dear each second
        checkpoint_id = session.sparkContext.getLocalProperty("sql.streaming.queryId") or ""
        end = source_end(settings, flow.name, batch_id)
        batch = Batch(
            flow.name, rows, batch_id, checkpoint_id, datetime.now(UTC), previous, settings.crash_at, end,
            made_by, memory,
        )  # fmt: skip
        with watch(batch) as done:
            batch.crash_point("before_tables")
            opened = Store(session, settings.lake, logs=logs)
            previous = replace(flow.process(opened, settings, batch), source_end=end)
            batch.crash_point("before_ledger")
            ledger.record(settings.lake, previous, logs)
            done(previous)
        last = batch
        batch.crash_point("before_checkpoint")

    def finish() -> None:
        if flow.finish and last:
            flow.finish(store, last)

    spark.sparkContext.setLocalProperty("spark.scheduler.pool", flow.name)  # the stream's thread takes it over
    pause = f"{int(getattr(settings, flow.pause) * 1000)} milliseconds"
    writer = flow.source(spark, settings).writeStream.queryName(flow.name).foreachBatch(run)
    writer = writer.option("checkpointLocation", f"{settings.checkpoints}/{flow.name}")
    query = (writer.trigger(availableNow=True) if once else writer.trigger(processingTime=pause)).start()
    checkpoint_versions.note(settings, flow.name, flow.versions[-1])
    return Running(query, finish, under_way)


@contextmanager
def writing(flows: list[Flow], settings: Settings) -> Iterator[None]:
    """Hold the single-writer lock of every stream named; the locks lie beside the lake.

    Raises:
        LockedError: Another process runs one of them.
    """
    with ExitStack() as locks:
        for flow in flows:
            locks.enter_context(single_writer(Path(settings.home) / "locks", flow.name))
        yield


def delta_source(table: Table, spark: SparkSession, settings: Settings) -> DataFrame:
    """A table's new rows as a stream; the table is created empty where it is not there yet."""
    store = Store(spark, settings.lake)
    store.create(table)
    reader = spark.readStream.format("delta").option("maxBytesPerTrigger", settings.batch_max_bytes)
    return as_declared(table, reader.load(store.path(table)))
