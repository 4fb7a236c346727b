"""A batch job's own check: what it wrote is looked at, and taken back when a rule says stop."""

from __future__ import annotations

from contracts.errors import ContractError, UnavailableError
from contracts.tables import Table
from infra.console import say
from lakehouse.quality.checker import Checker
from lakehouse.quality.findings import Checked, Finding, record
from lakehouse.store import Store


def check_written(store: Store, table: Table, before: int, most_rows: int, checker: Checker) -> Checked:
    """Check the files that were written since version ``before``, and enter what is found in ``ops.quality``.

    Raises:
        ContractError: A rule that stops is broken. The table is again what it was, and the refused rows stay
            readable as the version that held them.
        UnavailableError: It could not be checked. The table is again what it was.
    """
    try:
        checked = checker.check(table, store.path(table), most_rows, since=before)
    except UnavailableError as error:
        store.restore(table, before)
        raise UnavailableError(f"{error} {table.name} is again as in version {before}.") from error
    record(store.root, [checked])
    for finding in checked.failed:
        say(f"{finding.action}: {sentence(table.name, finding, checked)}")
    if checked.worst == "stop":
        store.restore(table, before)
        raise ContractError(
            f"{sentence(table.name, checked.failed[0], checked)} The table is again as in version {before}; the rows "
            f"that were refused are in version {checked.version}."
        )
    return checked


def sentence(table: str, finding: Finding, checked: Checked) -> str:
    """One failed expectation in words."""
    rows = "" if finding.rows_failed is None else f" fails in {finding.rows_failed:,} of {checked.rows_checked:,} rows,"
    return f"{table}: `{finding.expectation}`{rows or ' fails,'} for example {finding.examples}."
