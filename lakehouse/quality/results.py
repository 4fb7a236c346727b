"""What a check found, and its rows in ``ops.quality``."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)

from contracts.fields import Severity
from contracts.tables import OPS_QUALITY
from lakehouse.ops_rows import append
from lakehouse.quality.suites import SEVERITIES, rule_of

SHOWN_EXAMPLES = 5
Worst = Literal["ok", "warn", "stop"]
_ACTIONS: dict[str, Severity] = {gx.value: ours for ours, gx in SEVERITIES.items()}


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
    """A table that was checked. ``rows`` is what it holds, ``rows_checked`` what was looked at."""

    table: str
    version: int | None
    checked_at: datetime
    rows: int
    rows_checked: int
    findings: tuple[Finding, ...]
    validation: ExpectationSuiteValidationResult

    @property
    def failed(self) -> list[Finding]:
        """Expectations that are not met, those that stop first."""
        return sorted((f for f in self.findings if not f.is_met), key=lambda f: f.action != "stop")

    @property
    def worst(self) -> Worst:
        """What the check comes to."""
        return self.failed[0].action if self.failed else "ok"


def findings_of(validation: ExpectationSuiteValidationResult) -> tuple[Finding, ...]:
    """The findings of a validated suite, in its order."""
    return tuple(_finding(result) for result in validation.results)


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


def _finding(result: ExpectationValidationResult) -> Finding:
    configuration, details = result.expectation_config, result.result
    assert configuration is not None  # a result of a suite names its expectation
    is_met = bool(result.success)
    failed = 0 if is_met else details.get("unexpected_count")
    examples = None if is_met else json.dumps(_examples(result), default=str)
    return Finding(rule_of(configuration), _ACTIONS[str(configuration.severity.value)], is_met, failed, examples)


def _examples(result: ExpectationValidationResult) -> object:
    """The first unexpected values; for an expectation of the whole table what was found instead, or the exception."""
    values = result.result.get("partial_unexpected_list")
    if values:
        return values[:SHOWN_EXAMPLES]
    return result.result.get("details") or result.result.get("observed_value") or _exception(result.exception_info)


def _exception(info: Any) -> object:  # noqa: ANN401  one exception, or several by metric
    if not info:
        return None
    if "exception_message" in info:
        return info["exception_message"]
    return [entry["exception_message"] for entry in info.values()]
