"""The account of batch jobs: each run has its row, whatever ends at the same moment."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from threading import Barrier
from typing import cast

import deltalake
from pyspark.sql import SparkSession

from contracts.tables import OPS_RUNS
from lakehouse.runs import Run, record
from lakehouse.store import Store

JOBS = 8


def test_jobs_that_end_at_the_same_moment_are_all_recorded(tmp_path: Path) -> None:
    store = Store(cast("SparkSession", None), str(tmp_path))  # no Spark is asked
    runs = [Run("voyages", {"start_date": "2026-01-01"}, store, datetime.now(UTC)) for _ in range(JOBS)]
    runs[0].inputs, runs[0].versions = {"silver.voyages": 3}, {"gold.voyage_analytics": 7}
    together = Barrier(JOBS)

    def end(run: Run) -> None:
        together.wait()
        record(run, "succeeded")

    with ThreadPoolExecutor(JOBS) as jobs:
        list(jobs.map(end, runs))

    rows = deltalake.DeltaTable(store.path(OPS_RUNS)).to_pyarrow_table().to_pylist(maps_as_pydicts="strict")
    assert {row["run_id"] for row in rows} == {run.run_id for run in runs}
    assert next(row["versions"] for row in rows if row["run_id"] == runs[0].run_id) == {
        "silver.voyages": 3, "gold.voyage_analytics": 7,
    }  # fmt: skip
