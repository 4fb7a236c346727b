"""What Great Expectations says of a table, as findings."""

from __future__ import annotations

import json
from typing import Any

from great_expectations.core.expectation_validation_result import (
    ExpectationSuiteValidationResult,
    ExpectationValidationResult,
)

from contracts.fields import Severity
from lakehouse.quality.findings import Finding
from lakehouse.quality.suites import SEVERITIES, rule_of

SHOWN_EXAMPLES = 5
_ACTIONS: dict[str, Severity] = {gx.value: ours for ours, gx in SEVERITIES.items()}


def findings_of(validation: ExpectationSuiteValidationResult) -> tuple[Finding, ...]:
    """The findings of a validated suite, in its order."""
    return tuple(_finding(result) for result in validation.results)


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
