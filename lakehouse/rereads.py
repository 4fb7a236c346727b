"""What replays have made of dead letters, one row per letter and replay that read it otherwise than before. No Spark.

The letter stays in its topic with the reason of its feed, the first verdict. A row here is the second: it names the
letter by topic, partition, offset and time of publishing, for a topic that is made anew counts from 0 again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime

import deltalake

from contracts.tables import OPS_DEAD_LETTERS
from lakehouse.ops_rows import append

LetterId = tuple[int, int, datetime]
"""Partition, offset and time of publishing."""


@dataclass(frozen=True, slots=True)
class Rereading:
    """One row of ``ops.dead_letters``. ``rule`` is null for a letter whose events were published."""

    kafka_topic: str
    kafka_partition: int
    kafka_offset: int
    published_at: datetime
    first_rule: str
    rule: str | None
    events_published: int
    replay_id: str
    code_version: str
    judged_at: datetime

    @property
    def letter(self) -> LetterId:
        """The letter within its topic."""
        return self.kafka_partition, self.kafka_offset, self.published_at


def record(root: str, rereadings: Sequence[Rereading]) -> None:
    """Append rows. The caller holds the lock of replays."""
    append(root, OPS_DEAD_LETTERS, [asdict(one) for one in rereadings])


def last_rereadings(root: str, kafka_topic: str) -> dict[LetterId, Rereading]:
    """The newest row of each letter of a topic; empty where no replay has run."""
    path = f"{root}/{OPS_DEAD_LETTERS.path}"
    if not deltalake.DeltaTable.is_deltatable(path):
        return {}
    rows = deltalake.DeltaTable(path).to_pyarrow_table(filters=[("kafka_topic", "=", kafka_topic)]).to_pylist()
    found = sorted((Rereading(**row) for row in rows), key=lambda one: one.judged_at)
    return {one.letter: one for one in found}
