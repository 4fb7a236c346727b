"""Gets a Bronze stream going again from the ledger, where its checkpoint or topic no longer fits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from consumers import preflight
from consumers.standing import Standing, standing
from contracts.errors import DataLossError
from contracts.settings import Settings
from contracts.topics import Topic
from infra.marks import TopicState
from lakehouse import ledger, origins
from lakehouse.checkpoints import set_aside
from lakehouse.ledger import Entry, OffsetRange
from lakehouse.origins import Origin


@dataclass(frozen=True, slots=True)
class Plan:
    """How a stream goes on.

    Attributes:
        stream: The stream.
        problem: What stands in its way, in one sentence; null where it can start as it is.
        reason: The same in few words, kept in ``ops.origins``.
        topic_id: Kafka's id of the topic.
        starts: First offset to be read, per partition.
        gaps: Offsets that were not read and are gone.
        is_anew: The topic is another one: what the old one held beyond the reached offsets cannot be told.
        entries: Batches that its table holds and that the ledger is given.
    """

    stream: str
    problem: str | None
    reason: str
    topic_id: str
    starts: dict[int, int]
    gaps: tuple[OffsetRange, ...]
    is_anew: bool
    entries: tuple[Entry, ...]

    @property
    def has_loss(self) -> bool:
        """Whether a person must accept that records are, or may be, lost."""
        return bool(self.gaps) or self.is_anew


def plan(now: Standing) -> Plan:
    """How the stream goes on from where the ledger ends.

    Raises:
        DataLossError: Its topic is not on the broker.
    """
    problem = next(preflight.problems(now), None)
    if now.state is None:
        raise preflight.no_topic(now)
    return Plan(
        stream=now.stream,
        problem=str(problem) if problem else None,
        reason=_reason(now),
        topic_id=now.state.topic_id,
        starts=_starts(now, now.state),
        gaps=preflight.gaps(now),
        is_anew=preflight.is_anew(now),
        entries=now.not_entered if problem else _lost_entries(now),
    )


def recover(settings: Settings, topic: Topic, *, accept_loss: bool) -> Plan:
    """Make the stream start where the ledger ends; one that can start as it is gets back its lost ledger rows only.

    Its old checkpoint is kept under another name. To be called while the stream's lock is held.

    Raises:
        DataLossError: Records are lost and nobody has accepted that, or the topic is gone; nothing was changed.
    """
    now = standing(settings, topic)
    found = plan(now)
    if found.problem is None:
        ledger.complete(settings.lake, found.entries)
        return found
    if found.has_loss and not accept_loss:
        raise DataLossError(
            f"{found.stream}: {loss_of(found)} Add --accept-loss to go on without; nothing was changed."
        )
    ledger.complete(settings.lake, found.entries)
    set_aside(settings, found.stream, datetime.now(UTC))  # before the start is noted: cut short here, it is found lost
    starts = {str(number): offset for number, offset in found.starts.items()}
    origin = Origin(found.stream, datetime.now(UTC), topic.name, found.topic_id, found.reason, starts, found.gaps)
    origins.record(settings.lake, origin)
    return found


def loss_of(found: Plan) -> str:
    """What is lost, in one or two sentences."""
    parts = []
    if found.gaps:
        parts.append(f"{preflight.named(found.gaps)} are gone and were never read.")
    if found.is_anew:
        parts.append("What the old topic held beyond the offsets that the ledger has reached cannot be told.")
    return " ".join(parts)


def _lost_entries(now: Standing) -> tuple[Entry, ...]:
    """Batches that the ledger must once have had; the last one may just be under way, and its stream enters it."""
    done = -1 if now.checkpoint is None or now.checkpoint.done is None else now.checkpoint.done
    return tuple(e for e in now.not_entered if e.app_id != now.known.app_id or e.batch_id <= done)


def _reason(now: Standing) -> str:
    if preflight.is_anew(now):
        return "topic made anew"
    if preflight.gaps(now):
        return "retention took unread records"
    if preflight.cut_back(now):
        return "topic was cut back"
    return "partition count changed" if preflight.partitions_changed(now) else "checkpoint lost"


def _starts(now: Standing, state: TopicState) -> dict[int, int]:
    """Where each partition goes on: at the reached offset, as far as the topic has it."""
    reached = {} if preflight.is_anew(now) else now.known.offsets
    return {number: min(max(reached.get(number, 0), low), high) for number, (low, high) in sorted(state.marks.items())}
