"""Which lawful events of a batch are repeats or late: found by their ids, without moving the events themselves."""

from __future__ import annotations

from pyspark.sql import Column, DataFrame, Window
from pyspark.sql import functions as F

from contracts.tables import SILVER_LATE, Table
from lakehouse.batch_facts import BatchFacts, within
from lakehouse.flows import Batch
from lakehouse.store import Store

KEY = "event_id"
PLACE = ["kafka_partition", "kafka_offset"]
"""What names a record of a topic."""


def not_accepted(lawful: DataFrame, known: DataFrame, late: Column | None) -> DataFrame:
    """The lawful events that are repeats or late. A repeat is a repeat, however late it is.

    Args:
        lawful: Events of the batch that break no rule.
        known: Event ids that the lake held before the batch, each once.
        late: True of an event that is behind its limit; null where none can be.

    Returns:
        One row per such event: ``kafka_partition``, ``kafka_offset``, ``outcome`` (duplicate or late).
    """
    nth = F.row_number().over(Window.partitionBy(KEY).orderBy(*PLACE))  # the first one is the original
    behind = F.lit(False) if late is None else late
    ranked = lawful.select(KEY, *PLACE, behind.alias("is_late")).withColumn("nth", nth)
    joined = ranked.join(known.withColumn("is_known", F.lit(True)), on=KEY, how="left")
    is_repeat = (F.col("nth") > 1) | F.col("is_known").isNotNull()
    outcome = F.when(is_repeat, "duplicate").when(F.col("is_late"), "late")
    return joined.select(*PLACE, outcome.alias("outcome")).where("outcome IS NOT NULL")


def known_keys(store: Store, batch: Batch, table: Table, facts: BatchFacts, *, with_late: bool) -> DataFrame:
    """Event ids that the table, and with ``with_late`` also ``silver.late``, held before the batch, each once.

    Only the batch's own event times are looked at: an event that is sent again has the same time.
    """
    spans = within(facts.event_times())
    frames = [
        store.read(place, store.version_before(place, batch.txn(place))).where(spans).select(KEY)
        for place in ([table, SILVER_LATE] if with_late else [table])
    ]
    return frames[0] if len(frames) == 1 else frames[0].unionByName(frames[1]).distinct()
