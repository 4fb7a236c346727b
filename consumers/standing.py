"""Where a Bronze stream stands before it starts: by the ledger, its table's log, its checkpoint and the broker."""

from __future__ import annotations

from dataclasses import asdict, dataclass

import deltalake

from contracts.settings import Settings
from contracts.tables import BRONZE
from contracts.topics import Topic
from infra.marks import TopicState, topic_states
from lakehouse import ledger, origins
from lakehouse.checkpoints import Checkpoint, checkpoint
from lakehouse.commits import Commit, not_entered
from lakehouse.ledger import Entry
from lakehouse.origins import Reached


@dataclass(frozen=True, slots=True)
class Standing:
    """What is known of a Bronze stream and its topic.

    Attributes:
        topic: The topic by its contract.
        known: How far the stream has come, by the ledger and by the log of its table.
        last_batch: Number of the last batch of its last writer; null before the first.
        not_entered: Batches that its table holds and the ledger does not: it was cut short between the two.
        checkpoint: Its checkpoint; null where there is none.
        state: The topic on the broker; null where it is not there.
    """

    topic: Topic
    known: Reached
    last_batch: int | None
    not_entered: tuple[Entry, ...]
    checkpoint: Checkpoint | None
    state: TopicState | None

    @property
    def stream(self) -> str:
        """Name of the stream."""
        return f"bronze.{self.topic.short}"


def standing(settings: Settings, topic: Topic) -> Standing:
    """Look where the topic's Bronze stream stands.

    Raises:
        UnavailableError: The broker did not answer.
        ContractError: A commit of its table does not hold the rows that its offsets name.
    """
    stream = f"bronze.{topic.short}"
    entries = ledger.entries(settings.lake, stream)
    missing = _not_entered(settings, topic, {(entry["app_id"], entry["batch_id"]) for entry in entries})
    known = origins.reached(origins.origins(settings.lake, stream), [*entries, *map(asdict, missing)])
    numbers = [entry["batch_id"] for entry in [*entries, *map(asdict, missing)] if entry["app_id"] == known.app_id]
    return Standing(
        topic=topic,
        known=known,
        last_batch=max(numbers, default=None),
        not_entered=tuple(missing),
        checkpoint=checkpoint(settings, stream),
        state=topic_states(settings, [topic.name]).get(topic.name),
    )


def _not_entered(settings: Settings, topic: Topic, entered: set[tuple[str, int]]) -> list[Entry]:
    table = BRONZE[topic]
    path = f"{settings.lake}/{table.path}"
    if not deltalake.DeltaTable.is_deltatable(path):
        return []
    return [_entry(topic, commit) for commit in not_entered(deltalake.DeltaTable(path), table, entered)]


def _entry(topic: Topic, commit: Commit) -> Entry:
    """The ledger entry that a commit of the topic's Bronze table stands for."""
    return Entry(
        stream=f"bronze.{topic.short}",
        batch_id=commit.batch_id,
        app_id=commit.app_id,
        ranges=commit.ranges,
        rows_read=sum(span.end - span.start for span in commit.ranges),
        rows_accepted=commit.rows,
        started_at=commit.committed_at,
        finished_at=commit.committed_at,
        versions={BRONZE[topic].name: commit.version},
    )
