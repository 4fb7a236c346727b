"""What producers count as delivered, one row per run and topic: the other end of the account. No Spark."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime

import deltalake

from contracts.tables import OPS_DELIVERIES
from lakehouse.ops_rows import append


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of ``ops.deliveries``: records of a run that the broker has acknowledged on a topic."""

    run_id: str
    kafka_topic: str
    topic_id: str
    rows_delivered: int
    started_at: datetime
    finished_at: datetime


def record(root: str, deliveries: list[Delivery]) -> None:
    """Append what a run has delivered."""
    append(root, OPS_DELIVERIES, [asdict(delivery) for delivery in deliveries])


def deliveries(root: str) -> list[Delivery]:
    """Every delivery that was counted; empty where no producer has run."""
    path = f"{root}/{OPS_DELIVERIES.path}"
    if not deltalake.DeltaTable.is_deltatable(path):
        return []
    return [Delivery(**row) for row in deltalake.DeltaTable(path).to_pyarrow_table().to_pylist()]
