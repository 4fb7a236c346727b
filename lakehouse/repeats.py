"""Which lawful events of a batch are repeats or late: found by key, without moving the events themselves."""

from __future__ import annotations

from collections.abc import Sequence

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts.tables import SILVER_LATE, Table
from lakehouse.batch_facts import BatchFacts, within
from lakehouse.flows import Batch
from lakehouse.store import Store

PLACE = ["kafka_partition", "kafka_offset"]
"""What names a record of a topic."""


def not_accepted(lawful: DataFrame, known: DataFrame, key: Sequence[str], late: Column | None) -> DataFrame:
    """The lawful events that are repeats or late. A repeat is a repeat, however late it is.

    Args:
        lawful: Events of the batch that break no rule.
        known: Keys that the lake held before the batch, each once.
        key: Columns whose equality makes a repeat; the first by partition and offset is the original.
        late: True of an event that is behind its limit; null where none can be.

    Returns:
        One row per such event: ``kafka_partition``, ``kafka_offset``, ``outcome`` (duplicate or late).
    """
    nth = F.row_number().over(Window.partitionBy(*key).orderBy(*PLACE))
    behind = F.lit(False) if late is None else late
    ranked = lawful.select(*dict.fromkeys([*key, *PLACE]), behind.alias("is_late")).withColumn("nth", nth)
    joined = ranked.join(known.withColumn("is_known", F.lit(True)), on=list(key), how="left")
    is_repeat = (F.col("nth") > 1) | F.col("is_known").isNotNull()
    outcome = F.when(is_repeat, "duplicate").when(F.col("is_late"), "late")
    return joined.select(*PLACE, outcome.alias("outcome")).where("outcome IS NOT NULL")


def known_keys(
    store: Store, batch: Batch, table: Table, key: Sequence[str], facts: BatchFacts, *, with_late: bool
) -> DataFrame:
    """Keys that the table, and with ``with_late`` also ``silver.late``, held before the batch, each once.

    Only the batch's own event times are looked at: an event with the same key has the same time.
    """
    spans = within(facts.event_times())
    frames = [
        store.read(place, store.version_before(place, batch.txn(place))).where(spans).select(*key)
        for place in ([table, SILVER_LATE] if with_late else [table])
    ]
    return frames[0] if len(frames) == 1 else frames[0].unionByName(frames[1]).distinct()
