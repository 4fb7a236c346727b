"""Batches as the ledger tells them, and batches that only a table's log knows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from lakehouse.ledger import OffsetRange

OUTCOMES = ("rows_accepted", "rows_quarantined", "rows_duplicate", "rows_late")


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch of a stream. Unlike ``ledger.Entry`` it may hold figures that do not add up: they are what we look for.

    Attributes:
        is_entered: It is in the ledger; else its outcomes are not known yet, and all null counts are 0.
        source_end: Where it ends in what its stream reads; null in entries of earlier releases.
    """

    stream: str
    batch_id: int
    app_id: str
    spans: tuple[OffsetRange, ...]
    rows_read: int
    rows_accepted: int
    rows_quarantined: int
    rows_duplicate: int
    rows_late: int
    finished_at: datetime
    versions: Mapping[str, int] = field(default_factory=dict)
    is_entered: bool = True
    source_end: str | None = None

    @property
    def name(self) -> tuple[str, int]:
        """Writer and number: what makes a batch the same batch."""
        return self.app_id, self.batch_id

    @property
    def outcomes(self) -> int:
        """Records accounted for."""
        return self.rows_accepted + self.rows_quarantined + self.rows_duplicate + self.rows_late

    @property
    def planned(self) -> int:
        """Offsets that its ranges name."""
        return sum(span.end - span.start for span in self.spans)


def batch_of(entry: Mapping[str, Any]) -> Batch:
    """A row of ``ops.ledger`` as a batch."""
    return Batch(
        stream=entry["stream"],
        batch_id=entry["batch_id"],
        app_id=entry["app_id"],
        spans=tuple(OffsetRange(**span) for span in entry["ranges"] or ()),
        rows_read=entry["rows_read"],
        **{name: entry[name] for name in OUTCOMES},
        finished_at=entry["finished_at"],
        versions=dict(entry["versions"] or {}),
        source_end=entry["source_end"],
    )
