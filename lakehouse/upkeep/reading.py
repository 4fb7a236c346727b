"""What a look-up reads of a table, measured: it is made, and Spark counts the bytes that its tasks took from files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import reduce
from operator import and_
from typing import Any
from uuid import uuid4

from pyspark.sql import DataFrame
from pyspark.sql import functions as F

from contracts.tables import Table
from lakehouse.store import Store

LOOK_UPS = 20
JOB_GROUP = "spark.jobGroup.id"
UNCOUNTED = "parquet.hadoop.vectored.io.enabled"
"""Reads that go on beside a task, of which Spark counts nothing."""


def mean_bytes(store: Store, table: Table, look_ups: Sequence[Mapping[str, Any]]) -> int | None:
    """Mean over look-ups of the bytes that finding all rows with these values reads; null without a look-up."""
    if not look_ups:
        return None
    rows = store.read(table)
    found = [rows.where(reduce(and_, (F.col(n) == F.lit(v) for n, v in one.items()))) for one in look_ups]
    return round(sum(map(bytes_read, found)) / len(found))


def bytes_read(rows: DataFrame) -> int:
    """Bytes that Spark's tasks read from files to get at these rows; what it reads of the table's log is not in it."""
    session, group = rows.sparkSession, f"reading-{uuid4()}"
    spark = session.sparkContext
    spark.setLocalProperty(JOB_GROUP, group)
    session.conf.set(UNCOUNTED, "false")
    try:
        rows.write.format("noop").mode("overwrite").save()
    finally:
        session.conf.unset(UNCOUNTED)
        spark.setLocalProperty(JOB_GROUP, None)  # type: ignore[arg-type]  # the way to unset it
    scala = spark._jsc.sc()  # no public way leads to what its tasks have read
    scala.listenerBus().waitUntilEmpty()
    tracker = spark.statusTracker()
    job = tracker.getJobInfo(max(tracker.getJobIdsForGroup(group)))  # jobs before the last have read the log
    assert job is not None
    return sum(int(scala.statusStore().lastStageAttempt(stage).inputBytes()) for stage in job.stageIds)
