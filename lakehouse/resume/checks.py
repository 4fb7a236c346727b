"""Checked before a Silver or Gold stream starts: would it go on where the ledger ends? Else nothing is written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from contracts.errors import ContractError, DataLossError, MaritimeError
from contracts.settings import Settings
from contracts.tables import Table
from lakehouse.resume.source import Obstacle, obstacles
from lakehouse.resume.standing import Place, Standing, standing


def check(settings: Settings, stream: str, tables: Sequence[Table]) -> None:
    """Check where the stream stands.

    Raises:
        DataLossError: Rows that it has not read are gone from the table that it reads.
        ContractError: Its checkpoint or the table that it reads is not the one that the ledger tells of.
    """
    for error in problems(standing(settings, stream, tables)):
        raise error


def problems(now: Standing) -> Iterator[MaritimeError]:
    """What stands in the way of going on, the gravest first; the first one is what an operator is told."""
    if what := source_problem(now):
        yield ContractError(f"{_not_started(now)}: {what}")
        return
    if found := in_the_way(now):
        kind = DataLossError if any(one.is_loss for one in found) else ContractError
        name = now.source.name if now.source else now.stream
        yield kind(_told(now, f"version {found[0].version} of {name}, which it has not read, {found[0].what}"))
    if what := _checkpoint_problem(now):
        yield ContractError(_told(now, what))


def source_problem(now: Standing) -> str | None:
    """Why the table that the stream reads is not the one that it has read; null where it is. No recovery helps."""
    place = now.place
    if place is None:
        return None
    way_on = "Bring the old one back from a backup."
    if now.source is None:
        return f"the table that it reads is gone. {way_on}"
    if place.table_id != now.source.table_id:
        return f"{now.source.name} was made anew: it is not the table that it has read. {way_on}"
    if place.version > now.source.version + 1:
        return (
            f"{now.source.name} ends with version {now.source.version}, and it has read version {place.version - 1}: "
            f"an older copy was put in its place. {way_on}"
        )
    return None


def in_the_way(now: Standing) -> list[Obstacle]:
    """What keeps the stream from reading on; where a batch is to be finished first, as far as that one reads."""
    place, source = now.place, now.source
    if place is None or source is None:
        return []
    first = place.version + 1 if place.is_snapshot else place.version
    last = source.version if now.next_end is None else Place.of(now.next_end).version - 1
    return list(obstacles(source, first, last))


def _checkpoint_problem(now: Standing) -> str | None:
    """Why the checkpoint does not fit to the ledger; null where it does."""
    found, last = now.checkpoint, -1 if now.last_batch is None else now.last_batch
    if found is None:
        return "its checkpoint is lost" if now.writer else None
    if now.writer is None:
        return "its checkpoint holds batches that the lake does not" if found.done is not None else None
    if now.writer != f"{now.stream}:{found.checkpoint_id}":
        return f"its checkpoint is not the one that wrote the last batch ({now.writer})"
    if found.done is not None and found.done > last:
        return f"its checkpoint holds batch {found.done} as done, the ledger ends with batch {last}"
    reached = max([last, *(commit.batch_id for commit in now.half_done)])
    if found.planned is None or found.planned < reached:
        return f"its checkpoint ends with batch {found.planned}, the lake holds batch {reached}"
    return None


def command(stream: str) -> str:
    """The guided command for a stream."""
    room, _, topic = stream.partition(".")
    return f"maritime recover {room}" + ("" if room == "gold" else f" --topic {topic}")


def _not_started(now: Standing) -> str:
    return f"The stream {now.stream} was not started, nothing was written"


def _told(now: Standing, what: str) -> str:
    return f"{_not_started(now)}: {what}. `{command(now.stream)} --dry-run` shows how it goes on from the ledger."
