"""Gets a Silver or Gold stream going again from the ledger: its checkpoint is made anew, with its old identity.

Such a stream keeps no state but its place in the table that it reads, and the ledger has that place for every batch.
With the same identity and the next number it is the same writer to its tables, so what they hold already is refused.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from contracts.errors import ContractError, DataLossError
from contracts.settings import Settings
from contracts.tables import Table
from lakehouse import ledger, origins
from lakehouse.checkpoints import rebuild, set_aside
from lakehouse.ledger import OffsetRange
from lakehouse.origins import Origin
from lakehouse.resume.checks import in_the_way, problems, source_problem
from lakehouse.resume.source import Obstacle, has_new_rows
from lakehouse.resume.standing import Place, Standing, standing


@dataclass(frozen=True, slots=True)
class Plan:
    """How a stream goes on.

    Attributes:
        stream: The stream.
        problem: What stands in its way, in one sentence; null where it can start as it is.
        reason: The same in few words, kept in ``ops.origins``.
        source: Name of the table that it reads.
        checkpoint_id: Identity of the checkpoint that is made; null where the stream begins anew.
        done: Last batch that is done; null where none is.
        ends: Where the source ends, by batch: the last one done, and one that was cut short and is finished first.
        lost: Versions of the source whose rows are gone before the stream has read them.
        gaps: The Kafka offsets in them.
    """

    stream: str
    problem: str | None
    reason: str
    source: str
    checkpoint_id: str | None
    done: int | None
    ends: dict[int, str]
    lost: tuple[int, ...]
    gaps: tuple[OffsetRange, ...]

    @property
    def has_loss(self) -> bool:
        """Whether a person must accept that rows are lost."""
        return bool(self.lost)


def plan(settings: Settings, now: Standing) -> Plan:
    """How the stream goes on from where the ledger ends.

    Raises:
        ContractError: It cannot: the table that it reads is another one, or the ledger does not say where it ended.
    """
    problem = next(problems(now), None)
    name = now.source.name if now.source else ""
    if problem is None:
        return Plan(now.stream, None, "", name, None, now.last_batch, {}, (), ())
    if source_problem(now):
        raise problem
    ends, found = _ends(now), in_the_way(now)
    lost: tuple[int, ...] = ()
    if found:
        ends, lost = _past(now, found)
    return Plan(
        stream=now.stream,
        problem=str(problem),
        reason=f"{name} was changed" if found else "checkpoint lost",
        source=name,
        checkpoint_id=now.writer.removeprefix(f"{now.stream}:") if now.writer else None,
        done=now.last_batch,
        ends=ends,
        lost=lost,
        gaps=_offsets(settings, name, lost),
    )


def recover(settings: Settings, stream: str, tables: Sequence[Table], *, accept_loss: bool) -> Plan:
    """Make the stream go on where the ledger ends; one that can start as it is is left alone.

    Its old checkpoint is kept under another name. To be called while the stream's lock is held.

    Raises:
        ContractError: It cannot go on; nothing was changed.
        DataLossError: Rows are lost and nobody has accepted that; nothing was changed.
    """
    found = plan(settings, standing(settings, stream, tables))
    if found.problem is None:
        return found
    if found.has_loss and not accept_loss:
        raise DataLossError(f"{stream}: {loss_of(found)} Add --accept-loss to go on without; nothing was changed.")
    if found.gaps:
        topic = found.gaps[0].topic
        origins.record(settings.lake, Origin(stream, datetime.now(UTC), topic, "", found.reason, {}, found.gaps))
    set_aside(settings, stream, datetime.now(UTC))
    if found.checkpoint_id:
        rebuild(settings, stream, found.checkpoint_id, found.ends, found.done)
    return found


def loss_of(found: Plan) -> str:
    """What is lost, in one sentence."""
    spans = [f"[{span.start}, {span.end}) of partition {span.partition}" for span in found.gaps[:3]]
    more = f" and {len(found.gaps) - 3} more ranges" if len(found.gaps) > 3 else ""
    offsets = f", offsets {', '.join(spans)}{more}," if spans else ""
    versions = ", ".join(map(str, found.lost))
    return f"The rows of {found.source} version {versions}{offsets} are gone and were never read."


def _ends(now: Standing) -> dict[int, str]:
    """Where the source ends, by batch: the last one of the ledger, and the one that was cut short after it.

    Raises:
        ContractError: The ledger or a table does not say, or lacks more than the last batch.
    """
    if now.writer is None:
        return {}
    ends: dict[int, str] = {}
    if now.last_batch is not None:
        if now.end is None:
            raise ContractError(
                _cannot(now, f"batch {now.last_batch} of an earlier release does not say where it ended")
            )
        ends[now.last_batch] = now.end
    due = 0 if now.last_batch is None else now.last_batch + 1
    missing = [commit for commit in now.half_done if commit.batch_id != due]
    if missing:
        raise ContractError(_cannot(now, f"the ledger lacks batch {missing[0].batch_id}, which its tables hold"))
    for commit in now.half_done:
        if commit.source_end is None:
            raise ContractError(_cannot(now, f"batch {due}, which was cut short, does not say where it ends"))
        ends[due] = commit.source_end
    return ends


def _cannot(now: Standing, why: str) -> str:
    return (
        f"{now.stream} cannot go on from the ledger, nothing was changed: {why}. Bring back its checkpoint, or "
        "ops.ledger, from a backup."
    )


def _past(now: Standing, found: Sequence[Obstacle]) -> tuple[dict[int, str], tuple[int, ...]]:
    """Where the stream goes on, and versions that are lost by that: it reads what comes before the first obstacle.

    Where nothing comes before it, it goes on after it, and after all that follow at once.

    Raises:
        ContractError: A batch that was cut short would read what is gone.
    """
    place, last = now.place, now.last_batch
    assert place is not None  # else nothing is in the way
    assert last is not None
    assert now.source is not None
    if now.half_done:
        raise ContractError(_cannot(now, f"batch {last + 1} was cut short, and what it reads {found[0].what}"))
    first = after = found[0].version
    is_in_midst = place.is_snapshot or place.index >= 0
    if first > place.version and (is_in_midst or has_new_rows(now.source, place.version, first - 1)):
        return {last: str(now.end), last + 1: _text(place, first)}, ()
    versions = {one.version for one in found}
    while after in versions:
        after += 1
    lost = sorted({one.version for one in found if one.is_loss and one.version < after})
    return {last: _text(place, after)}, tuple(lost)


def _text(place: Place, version: int) -> str:
    """A place between two commits, in the words of Spark's Delta source."""
    said = {"sourceVersion": 1, "reservoirId": place.table_id, "reservoirVersion": version}
    return json.dumps(said | {"index": -1, "isStartingVersion": False}, separators=(",", ":"))


def _offsets(settings: Settings, table: str, versions: Sequence[int]) -> tuple[OffsetRange, ...]:
    """Kafka offsets of the batches that these versions of a table hold."""
    written = (entry for entry in ledger.entries(settings.lake) if entry["versions"].get(table) in versions)
    return tuple(OffsetRange(**span) for entry in written for span in entry["ranges"])
