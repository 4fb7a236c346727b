"""What a replay of the quarantine was asked to do, entered before it writes: so that a broken one is finished first."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime

import deltalake

from contracts.tables import OPS_REPLAYS, SILVER_QUARANTINE, SILVER_VERDICTS
from contracts.topics import Topic
from infra.release import code_version
from lakehouse import ledger
from lakehouse.ops_rows import append

JUDGED = (SILVER_QUARANTINE.name, SILVER_VERDICTS.name)
"""Tables whose versions an intent names."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One row of ``ops.replays``: a rule, and the table versions that are judged. Its batches are numbered in order."""

    stream: str
    batch_id: int
    replay_id: str
    rule: str | None
    quarantine_version: int
    verdicts_version: int
    code_version: str
    started_at: datetime


def stream_of(topic: Topic) -> str:
    """Name of a topic's replays in the ledger; the Silver stream's own account stays as it was."""
    return f"replay.{topic.short}"


def new_intent(root: str, topic: Topic, rule: str | None, versions: Mapping[str, int]) -> Intent:
    """What a replay that begins now will judge. Nothing is written."""
    return Intent(
        stream=stream_of(topic),
        batch_id=len(_intents(root, topic)),
        replay_id=str(uuid.uuid4()),
        rule=rule,
        quarantine_version=versions[SILVER_QUARANTINE.name],
        verdicts_version=versions[SILVER_VERDICTS.name],
        code_version=code_version(),
        started_at=datetime.now(UTC),
    )


def record(root: str, intent: Intent) -> None:
    """Enter the intent. The caller holds the writer's lock of the topic's Silver stream."""
    append(root, OPS_REPLAYS, [asdict(intent)])


def unfinished(root: str, topic: Topic) -> Intent | None:
    """The replay of the topic that was begun and is not in the ledger; null when none."""
    done = {entry["batch_id"] for entry in ledger.entries(root, stream_of(topic))}
    begun = [intent for intent in _intents(root, topic) if intent.batch_id not in done]
    return begun[0] if begun else None


def _intents(root: str, topic: Topic) -> list[Intent]:
    if not deltalake.DeltaTable.is_deltatable(_path(root)):
        return []
    table = deltalake.DeltaTable(_path(root)).to_pyarrow_table(filters=[("stream", "=", stream_of(topic))])
    return sorted((Intent(**row) for row in table.to_pylist()), key=lambda intent: intent.batch_id)


def _path(root: str) -> str:
    return f"{root}/{OPS_REPLAYS.path}"
