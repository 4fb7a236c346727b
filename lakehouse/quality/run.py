"""Validate tables by their suites: delta-rs reads, pandas computes, no Spark is started."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import deltalake
import great_expectations as gx
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.dataset as ds
from great_expectations.core.expectation_validation_result import ExpectationSuiteValidationResult
from great_expectations.data_context.types.base import ProgressBarsConfig
from great_expectations.expectations.expectation import Expectation

from contracts import fields as f
from contracts.tables import (
    GOLD_EMISSION_COMPLIANCE,
    GOLD_VESSEL_DAY,
    SILVER_POSITIONS,
    SILVER_SHIP_REGISTER,
    TABLES,
    Table,
)
from lakehouse import ledger
from lakehouse.quality.findings import Checked
from lakehouse.quality.results import findings_of
from lakehouse.quality.suites import LAKE, checked_fields, expectations, lake_expectations, suite

CHECKED_TABLES = tuple(table for table in TABLES if table.name.startswith(("silver.", "gold.")))
GOLD_MOST_ROWS = 2_000_000
"""Gold is checked whole, up to what fits into a small machine's memory."""
VESSELS_STREAM = "gold.vessels"


@dataclass(frozen=True, slots=True)
class Sample:
    """Rows of one version of a table: all of them, or those of the newest files."""

    version: int
    rows: int
    frame: pd.DataFrame


def is_there(path: str) -> bool:
    """Whether a Delta table is at the path."""
    return bool(deltalake.DeltaTable.is_deltatable(path))


def check_table(table: Table, path: str, most_rows: int, since: int | None = None) -> Checked:
    """Check up to ``most_rows`` rows of the table at a path, those of the newest files first.

    Args:
        table: Its contract.
        path: Folder or URI.
        most_rows: Most rows to look at.
        since: Look only at files that were not yet there in this version.
    """
    found = sample(table, path, most_rows, since)
    result = validate(table.name, expectations(table), found.frame)
    return _checked(table.name, found.version, found.rows, len(found.frame), result)


def check_lake(root: str) -> Checked | None:
    """Check what several tables say together; null where none of them is there yet."""
    facts = lake_facts(root)
    if facts is None:
        return None
    return _checked(LAKE, None, len(facts), len(facts), validate(LAKE, lake_expectations(), facts))


def most_rows_of(table: Table, sample_rows: int) -> int:
    """How many rows of a table a check looks at: Gold whole, of Silver a sample."""
    return GOLD_MOST_ROWS if table.name.startswith("gold.") else sample_rows


def sample(table: Table, path: str, most_rows: int, since: int | None = None) -> Sample:
    """The rows of the newest files, so many that ``most_rows`` are reached or the table is read whole."""
    log = deltalake.DeltaTable(path)
    known = set() if since is None else {file["path"] for file in _files(deltalake.DeltaTable(path, version=since))}
    files = sorted(_files(log), key=lambda file: (file["modification_time"], file["path"]), reverse=True)
    wanted: set[str] = set()
    rows = 0
    for file in files:
        if rows >= most_rows:
            break
        if file["path"] not in known:
            wanted.add(file["path"])
            rows += file["num_records"] or 0
    frame = _frame(log, wanted, [field.name for field in checked_fields(table)], most_rows)
    return Sample(log.version(), sum(file["num_records"] or 0 for file in files), frame)


def lake_facts(root: str) -> pd.DataFrame | None:
    """One row of what several tables say together; null where nothing can be compared.

    The order of reading matters beside running streams: what the Gold stream had taken before its table is read is in
    it, and what Silver holds afterwards is at least that. Rows that were erased since are in neither.
    """
    facts: dict[str, int] = {}
    days, positions = (f"{root}/{table.path}" for table in (GOLD_VESSEL_DAY, SILVER_POSITIONS))
    if is_there(days) and is_there(positions):
        entries = ledger.entries(root, VESSELS_STREAM)
        of_writer = [entry["rows_read"] for entry in entries if entry["app_id"] == entries[-1]["app_id"]]
        facts["positions_taken"] = min(sum(of_writer), _row_count(positions))
        facts["positions_counted"] = pc.sum(_column(days, f.POSITION_COUNT)).as_py() or 0
        facts["positions_there"] = _row_count(positions)
    ratings, register = (f"{root}/{table.path}" for table in (GOLD_EMISSION_COMPLIANCE, SILVER_SHIP_REGISTER))
    if is_there(ratings) and is_there(register):
        rated = deltalake.DeltaTable(ratings).to_pyarrow_table(
            columns=[f.IMO_NUMBER.name], filters=ds.field(f.CII_RATING_YTD.name).is_valid()
        )
        known = set(_column(register, f.IMO_NUMBER).to_pylist())
        facts["rated_not_registered"] = len(set(rated[f.IMO_NUMBER.name].to_pylist()) - known)
    names = ("positions_taken", "positions_counted", "positions_there", "rated_not_registered")
    return pd.DataFrame([{name: facts.get(name) for name in names}], dtype="float64") if facts else None


def validate(name: str, expected: Sequence[Expectation], rows: pd.DataFrame) -> ExpectationSuiteValidationResult:
    """Validate rows by expectations, in memory: nothing is kept and nothing is sent."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pandas, about Great Expectations' own way of using it
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("lake").add_dataframe_asset(name)
        batch = asset.add_batch_definition_whole_dataframe("rows").get_batch({"dataframe": rows})
        return batch.validate(suite(name, list(expected)), result_format="SUMMARY")


def _checked(
    table: str, version: int | None, rows: int, rows_checked: int, result: ExpectationSuiteValidationResult
) -> Checked:
    return Checked(table, version, datetime.now(UTC), rows, rows_checked, findings_of(result), result)


def _frame(log: deltalake.DeltaTable, files: set[str], columns: list[str], most_rows: int) -> pd.DataFrame:
    whole = log.to_pyarrow_dataset()
    newest = [fragment for fragment in whole.get_fragments() if any(fragment.path.endswith(file) for file in files)]
    dataset = ds.FileSystemDataset(newest, whole.schema, whole.format, whole.filesystem)
    unknown = [name for name in whole.schema.names if name not in columns and not _is_raw(whole.schema, name)]
    there = [name for name in columns if name in whole.schema.names]
    # A column that the contract does not know is read too: the suite speaks of it.
    frame: pd.DataFrame = dataset.head(most_rows, columns=[*there, *unknown]).to_pandas(date_as_object=False)
    return frame


def _is_raw(schema: pa.Schema, name: str) -> bool:
    kind = schema.field(name).type
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_nested(kind))


def _row_count(path: str) -> int:
    return sum(file["num_records"] or 0 for file in _files(deltalake.DeltaTable(path)))


def _files(log: deltalake.DeltaTable) -> list[dict[str, Any]]:
    actions = pa.table(log.get_add_actions(flatten=True)).select(["path", "modification_time", "num_records"])
    return list(actions.to_pylist())


def _column(path: str, field: f.Field) -> pa.ChunkedArray:
    return deltalake.DeltaTable(path).to_pyarrow_table(columns=[field.name])[field.name]
