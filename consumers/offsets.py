"""Which offsets a Bronze batch was planned to take, read from the stream's own checkpoint before it writes."""

from __future__ import annotations

from collections.abc import Mapping

from contracts.errors import ContractError
from contracts.settings import Settings
from lakehouse.checkpoints import last_json
from lakehouse.flows import Batch
from lakehouse.ledger import OffsetRange

Offsets = Mapping[str, Mapping[str, int]]


def planned_ranges(settings: Settings, batch: Batch) -> tuple[OffsetRange, ...]:
    """Offsets ``[start, end)`` per partition of a batch; partitions without new records are left out.

    Spark writes a batch's end offsets before the batch runs, so the plan is durable: a replayed batch has the same.
    The start is the end of the batch before; of the first batch, the offsets that the source noted on its first start.

    Raises:
        ContractError: The checkpoint does not hold them.
    """
    root = f"{settings.checkpoints}/{batch.flow}"
    before = f"offsets/{batch.batch_id - 1}" if batch.batch_id else "sources/0/0"
    start, end = last_json(root, before), last_json(root, f"offsets/{batch.batch_id}")
    if start is None or end is None:
        raise ContractError(f"{batch.flow}: the checkpoint {root} does not hold the offsets of batch {batch.batch_id}.")
    return ranges_between(start, end)


def ranges_between(start: Offsets, end: Offsets) -> tuple[OffsetRange, ...]:
    """The ranges from one state of offsets to a later one; a partition that the first does not know starts at 0."""
    return tuple(
        OffsetRange(topic, int(partition), start.get(topic, {}).get(partition, 0), last)
        for topic, partitions in sorted(end.items())
        for partition, last in sorted(partitions.items(), key=lambda item: int(item[0]))
        if last > start.get(topic, {}).get(partition, 0)
    )
