"""From contract to expectations. Nothing is expected of a table that its contract does not say. Pure.

Each expectation says in its ``meta`` what it is in words; Great Expectations' ``critical`` is our ``stop``.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import great_expectations.expectations as gxe
from great_expectations import ExpectationSuite
from great_expectations.expectations.expectation import Expectation
from great_expectations.expectations.metadata_types import FailureSeverity
from great_expectations.expectations.row_conditions import Column

from contracts.fields import Field, Severity
from contracts.tables import RowRule, Table

SEVERITIES: dict[Severity, FailureSeverity] = {"warn": FailureSeverity.WARNING, "stop": FailureSeverity.CRITICAL}
UNCHECKED = ("binary", "headers")
"""Types of raw bytes: their content is lawful whatever it is, and they are not read for a check."""
LAKE = "lake"
"""Name under which results stand that several tables tell together."""


def checked_fields(table: Table) -> list[Field]:
    """The columns that a check reads."""
    return [field for field in table.fields if field.type not in UNCHECKED]


def expectations(table: Table) -> list[Expectation]:
    """Everything that the contract says of the table: its columns, key, ranges, values, nulls and row rules."""
    names = [field.name for field in checked_fields(table)]
    columns = gxe.ExpectTableColumnsToMatchSet(
        column_set=names, exact_match=True, **_said("columns are the contract's")
    )
    return [columns, *_key(table), *_known(table), *_lawful(table), *(_row_rule(rule) for rule in table.rules)]


def lake_expectations() -> list[Expectation]:
    """What several tables say together, asked of the one row of facts that ``lake_facts`` gathers.

    ``gold.vessel_day`` counts every position that its stream has taken, and none that Silver does not hold. A ship is
    rated by what the register says of it; a run may have been given another register, so that this one warns.
    """
    taken = "gold.vessel_day counts every position that its stream has taken"
    there = "gold.vessel_day counts no position that silver.positions does not hold"
    rated = "rated ships are in silver.ship_register"
    return [
        _at_most("positions_taken", "positions_counted", taken, "stop"),
        _at_most("positions_counted", "positions_there", there, "stop"),
        gxe.ExpectColumnValuesToBeBetween(column="rated_not_registered", max_value=0, **_said(rated, "warn")),
    ]


def suite(name: str, expected: list[Expectation]) -> ExpectationSuite:
    """The expectations as a suite."""
    return ExpectationSuite(name=name, expectations=expected)


def rule_of(expectation: Any) -> str:  # noqa: ANN401  an expectation, or the configuration in a result
    """What is expected, in words."""
    return str(expectation.meta["rule"])


def _key(table: Table) -> Iterator[Expectation]:
    names = [field.name for field in table.key]
    rule = f"{', '.join(names)}: unique"
    if len(names) == 1:
        yield gxe.ExpectColumnValuesToBeUnique(column=names[0], **_said(rule))
    else:
        yield gxe.ExpectCompoundColumnsToBeUnique(column_list=names, **_said(rule))


def _known(table: Table) -> Iterator[Expectation]:
    for field in dict.fromkeys((*table.key, *table.known)):
        yield gxe.ExpectColumnValuesToNotBeNull(column=field.name, **_said(f"{field.name}: never null"))


def _lawful(table: Table) -> Iterator[Expectation]:
    for field in checked_fields(table):
        name, severity = field.name, field.severity
        if field.low is not None or field.high is not None:
            rule = f"{name}: {_range(field)}"
            said = _said(rule, severity)
            yield gxe.ExpectColumnValuesToBeBetween(column=name, min_value=field.low, max_value=field.high, **said)
        if field.sentinel is not None and _is_in_range(field, field.sentinel):
            said = _said(f"{name}: null for AIS's {field.sentinel:g}, which is not available", severity)
            yield gxe.ExpectColumnValuesToNotBeInSet(column=name, value_set=[field.sentinel], **said)
        if field.allowed:
            said = _said(f"{name}: one of {', '.join(field.allowed)}", severity)
            yield gxe.ExpectColumnValuesToBeInSet(column=name, value_set=list(field.allowed), **said)


def _row_rule(rule: RowRule) -> Expectation:
    left, right = rule.left.name, rule.right.name
    if rule.kind == "at_most":
        return _at_most(left, right, f"{left} at most {right}", rule.severity)
    if rule.kind == "excludes":
        said = _said(f"{right}: null where {left} is known", rule.severity)
        return gxe.ExpectColumnValuesToBeNull(column=right, row_condition=Column(left).is_not_null(), **said)
    is_asked = Column(left).is_not_null() if rule.kind == "needs" else Column(left).is_null()
    said = _said(f"{right}: known where {left} is {'known' if rule.kind == 'needs' else 'null'}", rule.severity)
    return gxe.ExpectColumnValuesToNotBeNull(column=right, row_condition=is_asked, **said)


def _at_most(left: str, right: str, rule: str, severity: Severity) -> Expectation:
    return gxe.ExpectColumnPairValuesAToBeGreaterThanB(
        column_A=right, column_B=left, or_equal=True, ignore_row_if="either_value_is_missing", **_said(rule, severity)
    )


def _said(rule: str, severity: Severity = "stop") -> dict[str, Any]:
    return {"meta": {"rule": rule}, "severity": SEVERITIES[severity]}


def _range(field: Field) -> str:
    low, high = (None if bound is None else f"{bound:,}" for bound in (field.low, field.high))
    return f"{low} to {high}" if low and high else f"{low} or more" if low else f"{high} or less"


def _is_in_range(field: Field, value: float) -> bool:
    return (field.low is None or value >= field.low) and (field.high is None or value <= field.high)
