"""``maritime quality``: whether the tables are what their contracts say."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import click

from contracts.errors import InputError
from contracts.settings import Settings, load_settings
from contracts.tables import Table
from infra.console import Group, json_option, print_json, print_table, say
from lakehouse.quality.findings import Checked, record
from lakehouse.quality.run import CHECKED_TABLES, check_lake, check_table, is_there, most_rows_of


@click.group("quality", cls=Group)
def quality() -> None:
    """Check the tables by what their contracts say of them."""


@quality.command("check")
@click.argument("names", nargs=-1, metavar="[TABLE]...")
@click.option("--docs", is_flag=True, help="Also write the Data Docs: HTML pages in the home, folder `quality`.")
@json_option
def check(names: tuple[str, ...], docs: bool, as_json: bool) -> None:
    """Validate every Gold table whole and a sample of every Silver table, or the tables named.

    The expectations are derived from the contracts; what is found is kept in ops.quality. Ends with 1 when a rule
    that stops is broken, and with 0 when only warnings are.
    """
    settings = load_settings()
    checks = _checks(settings, names)
    run_id = record(settings.lake, checks)
    pages = _pages(settings, checks) if docs else None
    if as_json:
        print_json({"run_id": run_id, "tables": [_plain(checked) for checked in checks], "docs": pages})
    else:
        _print(checks, pages)
    if any(checked.worst == "stop" for checked in checks):
        raise SystemExit(1)


def _checks(settings: Settings, names: Sequence[str]) -> list[Checked]:
    """Each table that is there, and what they say together; a table that was named must be there."""
    checks = []
    for table in _named(names) if names else CHECKED_TABLES:
        path = f"{settings.lake}/{table.path}"
        if is_there(path):
            checks.append(check_table(table, path, most_rows_of(table, settings.quality_sample_rows)))
        elif names:
            raise InputError(f"No table {table.name} at {path} yet: run its stream or job first.")
    together = None if names else check_lake(settings.lake)
    return [*checks, together] if together else checks


def _named(names: Sequence[str]) -> list[Table]:
    known = {table.name: table for table in CHECKED_TABLES}
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {near[0]}?" if near else ""
            raise InputError(f"{name} is no Silver or Gold table.{hint} docs/tables.md lists them.")
    return [known[name] for name in names]


def _pages(settings: Settings, checks: Sequence[Checked]) -> Path:
    from lakehouse.quality.pages import write_pages  # its templates are slow to load

    return write_pages(Path(settings.home) / "quality", checks)


def _plain(checked: Checked) -> dict[str, object]:
    return {
        "table": checked.table,
        "version": checked.version,
        "rows": checked.rows,
        "rows_checked": checked.rows_checked,
        "expectations": len(checked.findings),
        "worst": checked.worst,
        "failed": [asdict(finding) for finding in checked.failed],
    }


def _print(checks: Sequence[Checked], pages: Path | None) -> None:
    columns = ["table", "rows", "rows checked", "expectations", "failed", "worst"]
    rows = [(c.table, c.rows, c.rows_checked, len(c.findings), len(c.failed), c.worst) for c in checks]
    print_table("Data quality", columns, rows)
    failed = [(c.table, f.action, f.expectation, f.rows_failed, f.examples) for c in checks for f in c.failed]
    if failed:
        print_table("Not as expected", ["table", "action", "expectation", "rows", "examples"], failed)
    if not checks:
        say("There is no Silver or Gold table yet: run the streams first.")
    if pages:
        say(f"Data Docs: {pages}")
