"""Up to which Kafka offsets a table that a stream writes now and then knows what the stream has read.

Its commits name them. A stream that starts again takes the table, and goes over what came after.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import deltalake
from pyspark.sql import Column
from pyspark.sql import functions as F

from contracts.tables import Table
from lakehouse.batch_facts import BatchFacts
from lakehouse.flows import Batch
from lakehouse.store import Store
from lakehouse.upkeep.log import commit_history


@dataclass(frozen=True, slots=True)
class Reached:
    """Offset per partition up to which everything is known, and the stream and checkpoint to which it belongs."""

    offsets: Mapping[int, int] = field(default_factory=dict)
    by: str = ""

    @property
    def said(self) -> dict[str, Any]:
        """As a commit names it."""
        return {"reached": dict(self.offsets), "reached_by": self.by}

    def beyond(self) -> Column:
        """True of a row that lies behind these offsets."""
        is_known = F.lit(False)
        for partition, end in self.offsets.items():
            is_known |= (F.col("kafka_partition") == partition) & (F.col("kafka_offset") < end)
        return ~is_known

    def after(self, batch: Batch, facts: BatchFacts) -> Reached:
        """With a batch of the stream; a replay reads no offsets anew, and another checkpoint begins by itself."""
        if not is_stream(batch):
            return self
        known = self.offsets if self.by == batch.app_id else {}
        return Reached({**known, **{span.partition: span.end for span in facts.ranges}}, batch.app_id)


def is_stream(batch: Batch) -> bool:
    """Whether it is of a Silver stream, and not of a replay."""
    return batch.flow.startswith("silver.")


def reached(store: Store, table: Table, version: int) -> Reached:
    """What the last commit up to a version says; nothing where none does."""
    log = deltalake.DeltaTable(store.path(table))
    for commit in commit_history(log):
        said = json.loads(commit.get("userMetadata") or "{}")
        if int(commit["version"]) <= version and "reached" in said:
            return Reached({int(partition): end for partition, end in said["reached"].items()}, said["reached_by"])
    return Reached()
