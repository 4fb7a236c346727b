"""Expectations derived from the contracts: each is met by lawful rows and fires, alone, on a bad one."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import great_expectations.expectations as gxe
import pandas as pd
import pytest
from great_expectations.expectations.expectation import Expectation

from contracts.fields import Field
from contracts.tables import SILVER_VOYAGES, Table
from lakehouse.quality.results import findings_of
from lakehouse.quality.run import CHECKED_TABLES, validate
from lakehouse.quality.suites import LAKE, checked_fields, expectations, lake_expectations, rule_of

MIDNIGHT = datetime(2024, 1, 1, tzinfo=UTC)
RULES = [(table, rule_of(expectation)) for table in CHECKED_TABLES for expectation in expectations(table)]
LAKE_FACTS = {"positions_taken": 5.0, "positions_counted": 5.0, "positions_there": 6.0, "rated_not_registered": 0.0}


def failed(name: str, expected: list[Expectation], rows: pd.DataFrame) -> dict[str, str]:
    return {f.expectation: f.action for f in findings_of(validate(name, expected, rows)) if not f.is_met}


def depth(table: Table, field: Field) -> int:
    """How many columns a column may not be below."""
    below = [rule.left for rule in table.rules if rule.kind == "at_most" and rule.right == field]
    return 1 + max((depth(table, left) for left in below), default=0)


def lawful(table: Table, field: Field, row: int) -> Any:
    if any(rule.kind == "instead" and rule.left == field for rule in table.rules):
        return None
    step = 10 * row + depth(table, field)
    if field.allowed:
        return field.allowed[0]
    if field.type == "timestamp":
        return MIDNIGHT + timedelta(hours=step)
    if field.type == "date":
        return pd.Timestamp(MIDNIGHT.date()) + timedelta(days=step)
    if field.type in ("int", "long", "double"):
        start = field.low or 0
        value = start + (step if field.high is None else step * (field.high - start) / 100)
        return value if field.type == "double" else int(value)
    return {"string": f"text {row}", "boolean": True, "strings": []}[field.type]


def lawful_rows(table: Table) -> pd.DataFrame:
    rows = [{field.name: lawful(table, field, row) for field in checked_fields(table)} for row in (0, 1)]
    return pd.DataFrame(rows)


def broken_orders(table: Table, rows: pd.DataFrame) -> set[str]:
    """The orders among a row's columns that do not hold, by arithmetic and not by the suite."""
    broken = set()
    for rule in table.rules:
        pair = rows[[rule.left.name, rule.right.name]].dropna()
        if rule.kind == "at_most" and (pair[rule.left.name] > pair[rule.right.name]).any():
            broken.add(f"{rule.left.name} at most {rule.right.name}")
    return broken


def concerned(table: Table, rows: pd.DataFrame) -> list[Expectation]:
    """The expectations of what differs from lawful rows; the others are met by them, as another test shows."""
    sound = lawful_rows(table)
    changed = {name for name in rows if name not in sound or not rows[name].equals(sound[name])}
    return [e for e in expectations(table) if asked_of(e) & changed or "column_set" in e.configuration.kwargs]


def asked_of(expectation: Expectation) -> set[str]:
    kwargs = expectation.configuration.kwargs
    single = {kwargs[name] for name in ("column", "column_A", "column_B") if name in kwargs}
    condition = getattr(expectation, "row_condition", None)
    return single | {*kwargs.get("column_list", ())} | ({condition.column.name} if condition else set())


def change(rows: pd.DataFrame, column: str, value: Any) -> pd.DataFrame:
    """The rows with another value in the first one."""
    values = [value, *rows[column].iloc[1:]]
    return rows.assign(**{column: pd.Series(values, dtype=None if value is not None else "object")})


def spoilt(table: Table, expectation: Any) -> Iterator[pd.DataFrame]:
    """Rows that break the expectation; of several the first that breaks no other is meant."""
    rows = lawful_rows(table)
    kwargs = expectation.configuration.kwargs
    match expectation:
        case gxe.ExpectTableColumnsToMatchSet():
            yield rows.assign(stray=1)
        case gxe.ExpectColumnValuesToBeUnique() | gxe.ExpectCompoundColumnsToBeUnique():
            yield rows.assign(**{field.name: rows[field.name].iloc[1] for field in table.key})
        case gxe.ExpectColumnValuesToNotBeNull():
            yield change(rows, kwargs["column"], None)
        case gxe.ExpectColumnValuesToBeNull():
            asked = next(r.left.name for r in table.rules if r.kind == "excludes" and r.right.name == kwargs["column"])
            yield change(rows, asked, "not in the ship register")
        case gxe.ExpectColumnValuesToNotBeInSet():
            yield change(rows, kwargs["column"], kwargs["value_set"][0])
        case gxe.ExpectColumnValuesToBeInSet():
            yield change(rows, kwargs["column"], "not lawful")
        case gxe.ExpectColumnPairValuesAToBeGreaterThanB():
            left, right = kwargs["column_B"], kwargs["column_A"]
            step = timedelta(days=2) if isinstance(rows[left].iloc[0], pd.Timestamp) else 1
            yield change(rows, right, rows[left].iloc[0] - step)
            yield change(rows, left, rows[right].iloc[0] + step)
        case gxe.ExpectColumnValuesToBeBetween():
            low, high = kwargs.get("min_value"), kwargs.get("max_value")
            yield change(rows, kwargs["column"], high + 1 if low is None else low - 1)


def spoil(table: Table, rule: str) -> tuple[pd.DataFrame, set[str]]:
    """Rows that break the rule, and all that they must break: an order may follow by arithmetic."""
    expectation = next(e for e in expectations(table) if rule_of(e) == rule)
    ways = [(rows, {rule} | broken_orders(table, rows)) for rows in spoilt(table, expectation)]
    return min(ways, key=lambda way: len(way[1]))


@pytest.mark.parametrize("table", CHECKED_TABLES, ids=lambda table: table.name)
def test_lawful_rows_are_as_expected(table: Table) -> None:
    assert failed(table.name, expectations(table), lawful_rows(table)) == {}


@pytest.mark.parametrize(("table", "rule"), RULES, ids=[f"{table.name}-{rule}" for table, rule in RULES])
def test_each_rule_fires_on_a_row_that_breaks_it_and_no_other_does(table: Table, rule: str) -> None:
    rows, expected = spoil(table, rule)

    assert set(failed(table.name, concerned(table, rows), rows)) == expected


@pytest.mark.parametrize(
    ("changes", "rule", "action"),
    [
        ({"positions_counted": 4.0}, "gold.vessel_day counts every position that its stream has taken", "stop"),
        ({"positions_counted": 7.0}, "gold.vessel_day counts no position that silver.positions does not hold", "stop"),
        ({"rated_not_registered": 1.0}, "rated ships are in silver.ship_register", "warn"),
    ],
)
def test_what_several_tables_say_is_held_against_each_other(changes: dict[str, float], rule: str, action: str) -> None:
    assert failed(LAKE, lake_expectations(), pd.DataFrame([LAKE_FACTS])) == {}

    assert failed(LAKE, lake_expectations(), pd.DataFrame([{**LAKE_FACTS, **changes}])) == {rule: action}


def test_a_rule_warns_or_stops_as_its_contract_says() -> None:
    rows = lawful_rows(SILVER_VOYAGES)
    reported = change(rows, "arrived_at", MIDNIGHT - timedelta(days=9))
    computed = change(rows, "status", "lost at sea")

    assert failed("voyages", expectations(SILVER_VOYAGES), reported) == {"departed_at at most arrived_at": "warn"}
    assert list(failed("voyages", expectations(SILVER_VOYAGES), computed).values()) == ["stop"]


@pytest.mark.parametrize("table", CHECKED_TABLES, ids=lambda table: table.name)
def test_every_statement_of_a_contract_is_expected(table: Table) -> None:
    fields = checked_fields(table)
    bounded = [field for field in fields if field.low is not None or field.high is not None]
    listed = [field for field in fields if field.allowed]
    kinds: dict[type, int] = {}
    for expectation in expectations(table):
        kinds[type(expectation)] = kinds.get(type(expectation), 0) + 1

    assert kinds[gxe.ExpectTableColumnsToMatchSet] == 1
    assert kinds.get(gxe.ExpectColumnValuesToBeBetween, 0) == len(bounded)
    assert kinds.get(gxe.ExpectColumnValuesToBeInSet, 0) == len(listed)
    assert kinds.get(gxe.ExpectColumnValuesToBeUnique, 0) + kinds.get(gxe.ExpectCompoundColumnsToBeUnique, 0) == 1
    assert len({rule_of(e) for e in expectations(table)}) == len(expectations(table))
