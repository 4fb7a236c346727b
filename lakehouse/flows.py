"""How every stream of the lake runs: what it reads, what a micro-batch does, how it starts and ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
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
from lakehouse.schema import as_declared
from lakehouse.store import Store, Txn


@dataclass(frozen=True, slots=True)
class Batch:
    """A micro-batch: its records and its identity, which is the same when it is replayed after a crash.

    ``previous`` is the entry of the batch before, where this process has run it. ``crash_at`` is the setting.
    """

    flow: str
    rows: DataFrame
    batch_id: int
    checkpoint_id: str
    started_at: datetime
    previous: ledger.Entry | None = None
    crash_at: str | None = None

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

    def commit_metadata(self, txn: Txn, ranges: Sequence[ledger.OffsetRange]) -> dict[str, Any]:
        """What the Delta commit says of itself: the batch and the Kafka offsets in it."""
        offsets = [[r.topic, r.partition, r.start, r.end] for r in ranges]
        return {"app_id": txn.app_id, "batch_id": txn.version, "offsets": offsets}


@dataclass(frozen=True, slots=True)
class Flow:
    """A stream: where it reads, the tables it alone writes, what a batch does.

    ``process`` writes the batch and returns its ledger entry. ``pause`` names the setting of its trigger.
    ``preflight`` raises where the stream must not start as things are; nothing has been written by then.
    """

    name: str
    source: Callable[[SparkSession, Settings], DataFrame]
    tables: tuple[Table, ...]
    process: Callable[[Store, Settings, Batch], ledger.Entry]
    pause: Literal["trigger_seconds", "gold_trigger_seconds"]
    preflight: Callable[[Settings], None] | None = None


def start(flow: Flow, spark: SparkSession, settings: Settings, *, once: bool) -> StreamingQuery:
    """Start the stream: until it has caught up (``once``), or until it is stopped.

    Its tables are created first; the ledger entry is written after all of them, the checkpoint after the ledger.
    """
    store = Store(spark, settings.lake)
    for table in (*flow.tables, OPS_LEDGER):
        store.create(table)

    previous: ledger.Entry | None = None

    def run(rows: DataFrame, batch_id: int) -> None:
        nonlocal previous
        session = rows.sparkSession  # the query's own copy: what is set here reaches no other stream
        session.conf.set("spark.sql.adaptive.enabled", "false")  # it adds a job per shuffle, too dear each second
        checkpoint_id = session.sparkContext.getLocalProperty("sql.streaming.queryId") or ""
        batch = Batch(flow.name, rows, batch_id, checkpoint_id, datetime.now(UTC), previous, settings.crash_at)
        batch.crash_point("before_tables")
        previous = flow.process(Store(session, settings.lake), settings, batch)
        batch.crash_point("before_ledger")
        ledger.record(settings.lake, previous)
    rules: Callable[[SparkSession, Settings], str] | None = None
    versions: tuple[int, ...] = (1,)
        batch.crash_point("before_checkpoint")

    spark.sparkContext.setLocalProperty("spark.scheduler.pool", flow.name)  # the stream's thread takes it over
    pause = f"{int(getattr(settings, flow.pause) * 1000)} milliseconds"
    writer = flow.source(spark, settings).writeStream.queryName(flow.name).foreachBatch(run)
    writer = writer.option("checkpointLocation", f"{settings.checkpoints}/{flow.name}")
    query = (writer.trigger(availableNow=True) if once else writer.trigger(processingTime=pause)).start()
    checkpoint_versions.note(settings, flow.name, flow.versions[-1])
    return query


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
