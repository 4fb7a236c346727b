"""What each layer holds, with the account checked: the end of the demo."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import deltalake

from contracts.errors import ContractError
from contracts.settings import Settings
from contracts.tables import BRONZE, TABLES, Table
from contracts.topics import TOPICS
from infra.console import out, print_table
from lakehouse import ledger

OUTCOMES = ("rows_read", "rows_accepted", "rows_quarantined", "rows_duplicate", "rows_late")
SHOWN = {
    "gold.vessel_day": ("mmsi", "observed_on", "avg_speed_kn", "position_count", "distance_nm", "source"),
    "gold.voyage_analytics": ("voyage_id", "route_id", "duration_hours", "is_delayed", "delay_hours", "source"),
    "gold.emission_compliance": ("mmsi", "reported_on", "co2_t", "cii_attained_ytd", "cii_rating_ytd", "source"),
}
FIRST_ROWS = 5


def print_summary(settings: Settings) -> None:
    """Print the account of every topic, the rows of every table, and the first rows of Gold.

    Raises:
        ContractError: A record is not accounted for.
    """
    account = accounts(settings)
    out.rule("[bold]Every record, accounted for", align="left")
    columns = ["topic", "bronze", "silver read", "accepted", "quarantined", "duplicate", "late", "adds up"]
    print_table("read = accepted + quarantined + duplicate + late", columns, account)
    rows = [(table.name, row_count(settings, table)) for table in TABLES if not table.name.startswith("ops")]
    print_table("Rows of each table", ["table", "rows"], [row for row in rows if row[1] is not None])
    for table in TABLES:
        if table.name in SHOWN and row_count(settings, table):
            print_table(f"First rows of {table.name}", SHOWN[table.name], _first_rows(settings, table))
    wrong = [row[0] for row in account if row[-1] != "yes"]
    if wrong:
        raise ContractError(f"The account of {', '.join(map(str, wrong))} does not add up: see `maritime status`.")


def accounts(settings: Settings) -> list[tuple[object, ...]]:
    """Per topic: rows in Bronze by its own table, Silver's outcomes by the ledger, and whether both agree."""
    totals: dict[str, dict[str, int]] = defaultdict(lambda: dict.fromkeys(OUTCOMES, 0))
    for entry in ledger.entries(settings.lake):
        for name in OUTCOMES:
            totals[entry["stream"]][name] += entry[name]
    rows: list[tuple[object, ...]] = []
    for topic in TOPICS:
        landed = row_count(settings, BRONZE[topic]) or 0
        silver = totals[f"silver.{topic.short}"]
        adds_up = landed == silver["rows_read"] == sum(silver[name] for name in OUTCOMES[1:])
        rows.append((topic.name, landed, *(silver[name] for name in OUTCOMES), "yes" if adds_up else "NO"))
    return rows


def row_count(settings: Settings, table: Table) -> int | None:
    """Rows of a table by its Delta log; null where there is no table."""
    path = f"{settings.lake}/{table.path}"
    if not deltalake.DeltaTable.is_deltatable(path):
        return None
    return int(deltalake.DeltaTable(path).count())


def _first_rows(settings: Settings, table: Table) -> list[tuple[Any, ...]]:
    columns = list(SHOWN[table.name])
    first = deltalake.DeltaTable(f"{settings.lake}/{table.path}").to_pyarrow_dataset().head(FIRST_ROWS, columns=columns)
    return [tuple(row[name] for name in columns) for row in first.to_pylist()]
