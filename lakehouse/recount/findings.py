"""What a recount found: each difference named by stream, batches, partition and offsets."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from lakehouse.recount.account import Batch


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was found.

    Attributes:
        stream: Stream or table that it concerns.
        text: One sentence: what is there, and what should be.
        is_difference: Something does not add up; else it is told for the record, such as a lag.
        batches: Batches concerned.
        partition: Kafka partition concerned; null where it is not about one.
        start: First offset concerned.
        end: Offset after the last one concerned.
    """

    stream: str
    text: str
    is_difference: bool = True
    batches: tuple[int, ...] = ()
    partition: int | None = None
    start: int | None = None
    end: int | None = None


def at(
    stream: str, text: str, partition: int, start: int, end: int, batches: Iterable[Batch] = (), *, differs: bool = True
) -> Finding:
    """A finding about offsets ``[start, end)`` of a partition; the sentence begins with them."""
    numbers = _numbers(batches)
    where = f"partition {partition}, offsets [{start}, {end})"
    whose = f", {named(numbers)}" if numbers else ""
    return Finding(stream, f"{where}{whose}: {text}", differs, numbers, partition, start, end)


def of_batches(stream: str, text: str, batches: Sequence[Batch], *, differs: bool = True) -> Finding:
    """A finding about batches; the sentence begins with their numbers and offsets."""
    numbers = _numbers(batches)
    spans = [span for batch in batches for span in batch.spans]
    where = ", ".join(f"partition {s.partition} [{s.start}, {s.end})" for s in spans[:3])
    more = f" and {len(spans) - 3} more ranges" if len(spans) > 3 else ""
    of = f" ({where}{more})" if spans else ""
    partition, start, end = (spans[0].partition, spans[0].start, spans[0].end) if len(spans) == 1 else (None,) * 3
    return Finding(stream, f"{named(numbers)}{of}: {text}", differs, numbers, partition, start, end)


def named(numbers: Sequence[int]) -> str:
    """``batch 3`` or ``batches 3, 4, 5``; of many, the first and the last."""
    if len(numbers) > 6:
        return f"batches {numbers[0]} to {numbers[-1]} ({len(numbers)})"
    return ("batch " if len(numbers) == 1 else "batches ") + ", ".join(map(str, numbers))


def _numbers(batches: Iterable[Batch]) -> tuple[int, ...]:
    return tuple(sorted({batch.batch_id for batch in batches}))
