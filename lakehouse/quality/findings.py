"""What a check found, and its rows in ``ops.quality``. Knows nothing of what checks."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

from contracts.fields import Severity
from contracts.tables import OPS_QUALITY
from lakehouse.ops_rows import append

if TYPE_CHECKING:
    from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult

Worst = Literal["ok", "warn", "stop"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One expectation and whether the rows checked are as expected.

    ``rows_failed`` is null where an expectation speaks of the table and not of rows.
    """

    expectation: str
    action: Severity
    is_met: bool
    rows_failed: int | None
    examples: str | None


@dataclass(frozen=True, slots=True)
class Checked:
    """A table that was checked. ``rows`` is what it holds, ``rows_checked`` what was looked at.

    ``validation`` is what Great Expectations says of it, for its pages; null where the check was another process's.
    """

    table: str
    version: int | None
    checked_at: datetime
    rows: int
    rows_checked: int
    findings: tuple[Finding, ...]
    validation: ExpectationSuiteValidationResult | None = field(default=None, repr=False)

    @property
    def failed(self) -> list[Finding]:
        """Expectations that are not met, those that stop first."""
        return sorted((f for f in self.findings if not f.is_met), key=lambda f: f.action != "stop")

    @property
    def worst(self) -> Worst:
        """What the check comes to."""
        return self.failed[0].action if self.failed else "ok"


def record(root: str, checks: Sequence[Checked]) -> str:
    """Append what was found to ``ops.quality`` and return the run's id."""
    run_id = uuid.uuid4().hex
    rows = [_row(run_id, checked, finding) for checked in checks for finding in checked.findings]
    append(root, OPS_QUALITY, rows)
    return run_id


def _row(run_id: str, checked: Checked, finding: Finding) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "checked_at": checked.checked_at,
        "table_name": checked.table,
        "table_version": checked.version,
        "expectation": finding.expectation,
        "action": finding.action,
        "is_met": finding.is_met,
        "rows_checked": checked.rows_checked,
        "rows_failed": finding.rows_failed,
        "examples": finding.examples,
    }
