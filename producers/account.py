"""What a producer's run has delivered, kept in ``ops.deliveries`` for `maritime verify ledger` to compare."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.settings import Settings
from contracts.topics import Topic
from infra.marks import topic_ids
from lakehouse import deliveries
from lakehouse.deliveries import Delivery


@dataclass(frozen=True, slots=True)
class Account:
    """A run under way. The topics are named by Kafka's ids, so that one made anew is not credited with these."""

    settings: Settings
    topic: Topic
    topic_ids: Mapping[str, str]
    run_id: str
    started_at: datetime

    @classmethod
    def begin(cls, settings: Settings, topic: Topic) -> Account:
        """Begin the account of a run; its topics are there.

        Raises:
            UnavailableError: The broker did not answer.
        """
        ids = topic_ids(settings, [topic.name, topic.dead_letter.name])
        return cls(settings, topic, ids, str(uuid.uuid4()), datetime.now(UTC))

    def end(self, delivered: int, dead_letters: int) -> None:
        """Keep what the broker has acknowledged of the run, also of one that ended with an error."""
        counts = {self.topic.name: delivered, self.topic.dead_letter.name: dead_letters}
        now = datetime.now(UTC)
        rows = [
            Delivery(self.run_id, name, self.topic_ids[name], count, self.started_at, now)
            for name, count in counts.items()
            if count
        ]
        if rows:
            deliveries.record(self.settings.lake, rows)
