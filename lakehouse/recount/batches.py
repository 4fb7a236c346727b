"""Does the ledger add up by itself? Identity, numbering, and offsets without a hole or overlap. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby

from lakehouse.commits import Commit
from lakehouse.origins import Origin, in_order
from lakehouse.recount.account import Batch
from lakehouse.recount.findings import Finding, at, of_batches


def identities(batches: Sequence[Batch]) -> Iterator[Finding]:
    """``read = accepted + quarantined + duplicate + late`` in every batch, and Bronze reads what its ranges name."""
    for batch in batches:
        if batch.outcomes != batch.rows_read:
            yield of_batches(batch.stream, f"{batch.rows_read} records read, {batch.outcomes} accounted for", [batch])
        if batch.stream.startswith("bronze.") and batch.planned != batch.rows_read:
            text = f"{batch.rows_read} records read, but its ranges name {batch.planned} offsets"
            yield of_batches(batch.stream, text, [batch])


def numbering(batches: Sequence[Batch]) -> Iterator[Finding]:
    """Each writer's batches are numbered from 0 without a gap, and each is entered once."""
    for app_id, of_app in groupby(sorted(batches, key=lambda batch: batch.name), key=lambda batch: batch.app_id):
        expected = 0
        for batch in of_app:
            if batch.batch_id > expected:
                missing = tuple(range(expected, batch.batch_id))
                names = f"{missing[0]}" if len(missing) == 1 else f"{missing[0]} to {missing[-1]}"
                text = f"batch {names} of {app_id} is not in the ledger, but batch {batch.batch_id} is"
                yield Finding(batch.stream, text, batches=missing)
            if batch.batch_id < expected:
                yield of_batches(batch.stream, f"entered more than once by {app_id}", [batch])
            expected = max(expected, batch.batch_id + 1)


def contiguity(
    stream: str, batches: Sequence[Batch], entries: Sequence[Mapping[str, object]], starts: Sequence[Origin]
) -> Iterator[Finding]:
    """Offsets per partition follow one another over a Bronze stream's batches, from each noted start on.

    Args:
        stream: The stream.
        batches: Its batches.
        entries: The same batches as rows of the ledger.
        starts: Its noted starts.
    """
    by_name = {batch.name: batch for batch in batches}
    reached: dict[int, int] = {}
    topic_id: str | None = None
    for step in in_order(starts, entries):
        if isinstance(step, Origin):
            is_anew = topic_id not in (None, step.topic_id)
            yield from _at_start(step, reached, is_anew=is_anew)
            reached = ({} if is_anew else reached) | {int(name): offset for name, offset in step.starts.items()}
            topic_id = step.topic_id
            continue
        batch = by_name[str(step["app_id"]), int(str(step["batch_id"]))]
        for span in batch.spans:
            due = reached.get(span.partition, 0 if topic_id else span.start)
            if span.start > due:
                yield at(stream, "no batch holds these offsets", span.partition, due, span.start, [batch])
            if span.start < due:
                text = "taken before, by an earlier batch"
                yield at(stream, text, span.partition, span.start, min(due, span.end), [batch])
            reached[span.partition] = max(due, span.end)


def versions(table: str, batches: Sequence[Batch], logged: Sequence[Commit]) -> Iterator[Finding]:
    """Each batch is in the table's log once, as the version that the ledger names, as far back as the log is kept.

    Args:
        table: Name of a table to which each batch appends at most once.
        batches: Batches of a stream that writes it.
        logged: What the table's log says of its commits, of all streams.
    """
    by_name = {batch.name: batch for batch in batches if batch.is_entered}
    seen: dict[tuple[str, int], int] = {}
    for commit in logged:
        name = (commit.app_id, commit.batch_id)
        if batch := by_name.get(name):
            if name in seen:
                text = f"committed to {table} twice, as version {seen[name]} and {commit.version}"
                yield of_batches(batch.stream, text, [batch])
            elif batch.versions.get(table) != commit.version:
                told = batch.versions.get(table, "none")
                text = f"is version {commit.version} of {table}, but the ledger says {told}"
                yield of_batches(batch.stream, text, [batch])
            seen[name] = commit.version


def accepted_losses(starts: Sequence[Origin]) -> Iterator[Finding]:
    """What was left out by name, for the record."""
    for origin in starts:
        for gap in origin.gaps:
            text = f"lost, and the loss was accepted at {origin.started_at:%F %T} ({origin.reason})"
            yield at(origin.stream, text, gap.partition, gap.start, gap.end, differs=False)


def _at_start(origin: Origin, reached: Mapping[int, int], *, is_anew: bool) -> Iterator[Finding]:
    """A recovery may leave out offsets only by name."""
    yield from accepted_losses([origin])
    named = defaultdict(list)
    for gap in origin.gaps:
        named[gap.partition].append((gap.start, gap.end))
    if is_anew:
        yield Finding(origin.stream, f"{origin.kafka_topic} was made anew at {origin.started_at:%F %T}", False)
        return
    for name, start in origin.starts.items():
        partition, due = int(name), reached.get(int(name))
        if due is not None and start > due and (due, start) not in named[partition]:
            yield at(origin.stream, "left out by a recovery that does not name them", partition, due, start)


def half_done(batches: Sequence[Batch], done: Mapping[str, int]) -> Iterator[Finding]:
    """Batches that a table holds and the ledger does not: lawful only while the checkpoint does not call them done.

    Args:
        batches: The stream's batches.
        done: Last batch that the checkpoint holds as done, by writer.
    """
    for batch in batches:
        if not batch.is_entered:
            is_done = batch.batch_id <= done.get(batch.app_id, -1)
            told = (
                "is not in the ledger, though the checkpoint holds it as done"
                if is_done
                else (
                    "is in a table and not yet in the ledger: it is under way, or was cut short and is finished at the "
                    "stream's next start"
                )
            )
            yield of_batches(batch.stream, told, [batch], differs=is_done)
