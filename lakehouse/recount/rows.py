"""Do the tables hold what the ledger says? Rows by partition and offset, batch by batch. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

from lakehouse.recount.account import Batch
from lakehouse.recount.findings import Finding, at, of_batches
from lakehouse.recount.spans import Groups, Span, Tally, differences

Runs = Mapping[int, Sequence[Span]]
"""Offsets that a table holds, per partition; one that it holds twice is in two ranges."""


def bronze_rows(stream: str, batches: Sequence[Batch], held: Runs) -> Iterator[Finding]:
    """Every offset is in Bronze as often as batches name it: once, unless its topic was made anew."""
    partitions = sorted({span.partition for batch in batches for span in batch.spans} | set(held))
    for partition in partitions:
        spans = [(s.start, s.end, batch) for batch in batches for s in batch.spans if s.partition == partition]
        named = [(start, end) for start, end, _ in spans]
        for start, end, times in differences(named, held.get(partition, ())):
            concerned = [batch for first, last, batch in spans if first < end and start < last]
            yield at(stream, _rows_text(end - start, times, bool(concerned)), partition, start, end, concerned)


def _rows_text(offsets: int, times: int, has_batch: bool) -> str:
    if times < 0:
        return f"{offsets} rows are missing in the table"
    if not has_batch:
        return f"{offsets} rows that no batch names"
    return f"{offsets} rows are there {times + 1} times"


def source_read(
    stream: str, source: str, groups: Groups, held: Tally, accepted: Runs, *, is_partial: bool
) -> Iterator[Finding]:
    """What a Silver or Gold stream has read is what its source holds of these offsets.

    Args:
        stream: The stream.
        source: Name of the table that it reads, for people.
        groups: Batches of its present checkpoint.
        held: Rows of the source, as of the version that the last of these batches reached.
        accepted: Offsets whose loss was accepted.
        is_partial: That version was read in part only, so that rows beyond the last offset read are lag.
    """
    for members, rows in zip(groups.members, held.counts.tolist(), strict=True):
        read = sum(batch.rows_read for batch in members)
        if all(batch.is_entered for batch in members) and rows != read:
            yield of_batches(stream, f"{read} records read, but {source} holds {rows} of these offsets", members)
    for partition, start, end in held.runs_outside():
        if not (is_partial and start >= groups.end(partition)):
            for first, last, times in differences(accepted.get(partition, ()), [(start, end)]):
                if times > 0:
                    yield at(stream, f"in {source}, but skipped", partition, first, last)


def outcome_rows(
    stream: str, groups: Groups, outcome: str, tables: str, held: Tally, replayed: Tally
) -> Iterator[Finding]:
    """The tables hold as many rows of each batch as the ledger counts for this outcome, and what replays added.

    Args:
        stream: The Silver stream.
        groups: Its batches.
        outcome: Column of the ledger.
        tables: Names of the tables, for people.
        held: Their rows.
        replayed: Second verdicts with this outcome, on records that were in quarantine at first.
    """
    word = outcome.removeprefix("rows_")
    for members, rows, later in zip(groups.members, held.counts.tolist(), replayed.counts.tolist(), strict=True):
        counted = sum(int(getattr(batch, outcome)) for batch in members)
        if all(batch.is_entered for batch in members) and rows != counted + later:
            replays = f" and {later} by replays" if later else ""
            yield of_batches(stream, f"{counted} records {word}{replays}, but {tables} holds {rows} of them", members)
    for partition, start, end in held.runs_outside():
        yield at(stream, f"in {tables}, but no batch of the stream names them", partition, start, end)


def gold_read(stream: str, batches: Sequence[Batch], held: int) -> Iterator[Finding]:
    """Gold has read as many positions as Silver held; for batches of earlier releases, which name no offsets."""
    read = sum(batch.rows_read for batch in batches)
    if read != held:
        text = f"{read} positions read, but silver.positions held {held} at the version that it reached"
        yield of_batches(stream, text, batches)


def gold_days(
    stream: str, counted: Mapping[date, int], at_read: Mapping[date, int], now: Mapping[date, int]
) -> Iterator[Finding]:
    """Each day counts the positions that Gold has read of it, and no more than Silver holds now.

    A day that was computed anew has counted all that Silver held by then: hence the two bounds, which are one where
    Gold has read everything.

    Args:
        stream: The Gold stream.
        counted: Sum of ``position_count`` per day.
        at_read: Rows of ``silver.positions`` per day at the version that Gold has reached.
        now: The same at the latest version.
    """
    for day in sorted({*counted, *at_read, *now}):
        low, high = sorted((at_read.get(day, 0), now.get(day, 0)))
        if not low <= counted.get(day, 0) <= high:
            text = f"{day}: gold.vessel_day counts {counted.get(day, 0)} positions, silver.positions holds {high}"
            yield Finding(stream, text)
