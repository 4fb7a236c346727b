"""Many small batches into one table, with upkeep and without: do file count and batch time stay flat?

``python -m bench.soak [--batches 2000]``. Each batch goes Silver's way: it reads the keys that the table holds at the
version before, leaves out those that are known, appends the rest with its transaction, and looks its commit up.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from pyspark.sql import SparkSession

from contracts.settings import Settings
from contracts.tables import SILVER_ALERTS
from infra.console import Command, json_option, print_json, print_table, progress
from lakehouse.schema import spark_schema
from lakehouse.session import spark_session
from lakehouse.store import Store, Txn
from lakehouse.upkeep.care import care

ROWS = 20
START = datetime(2024, 1, 1, tzinfo=UTC)


@click.command(cls=Command)
@click.option("--batches", type=click.IntRange(min=2), default=2_000, show_default=True)
@click.option(
    "--ends", type=click.IntRange(min=1), default=100, show_default=True, help="Batches compared at each end."
)
@click.option("--every", type=click.IntRange(min=1), default=50, show_default=True, help="Batches between two looks.")
@json_option
def main(batches: int, ends: int, every: int, as_json: bool) -> None:
    """Measure batch time and files of the first batches against the last, with upkeep and without."""
    ends = min(ends, batches // 2)
    results = [soak(batches, ends, every, with_upkeep=with_upkeep) for with_upkeep in (True, False)]
    if as_json:
        print_json({"batches": batches, "compared": ends, "results": results})
        return
    columns = [name.replace("_", " ") for name in results[0]]
    print_table(f"{batches} batches of {ROWS} rows, first {ends} against last {ends}", columns,
                [list(result.values()) for result in results])  # fmt: skip


def soak(batches: int, ends: int, every: int, *, with_upkeep: bool) -> dict[str, Any]:
    """One table from empty on; seconds are medians of a batch, upkeep not counted in but told beside."""
    with tempfile.TemporaryDirectory(prefix="maritime-soak-") as folder:
        settings = Settings(home=Path(folder), upkeep_small_files=min(every, 50))
        store = Store(spark_session(settings, "soak"), settings.lake)
        store.create(SILVER_ALERTS)
        seconds, upkeep_seconds = [], 0.0
        with progress() as bar:
            for number in bar.track(range(batches), description="with upkeep" if with_upkeep else "without"):
                begun = time.perf_counter()
                _batch(store, number)
                seconds.append(time.perf_counter() - begun)
                if with_upkeep and number % every == every - 1:
                    begun = time.perf_counter()
                    list(_upkeep(store, settings))
                    upkeep_seconds += time.perf_counter() - begun
        first, last = statistics.median(seconds[:ends]), statistics.median(seconds[-ends:])
        rows = store.read(SILVER_ALERTS)
        return {
            "upkeep": "yes" if with_upkeep else "no",
            "first_s": first,
            "last_s": last,
            "last_to_first": last / first,
            "files_at_end": len(rows.inputFiles()),
            "rows_missing": batches * ROWS - rows.count(),
            "upkeep_s_per_batch": upkeep_seconds / batches,
        }


def _upkeep(store: Store, settings: Settings) -> Iterator[object]:
    yield from care(SILVER_ALERTS, settings, lambda: store, nullcontext, datetime.now(UTC))


def _batch(store: Store, number: int) -> None:
    txn = Txn("soak", number)
    known = store.read(SILVER_ALERTS, store.version_before(SILVER_ALERTS, txn)).select("event_id")
    fresh = _rows(store.spark, number).join(known, on="event_id", how="left_anti").select(*SILVER_ALERTS.columns)
    store.append(SILVER_ALERTS, fresh.coalesce(1), txn, {"app_id": txn.app_id, "batch_id": number})
    _, landed = store.committed(SILVER_ALERTS, txn)
    assert landed == ROWS


def _rows(spark: SparkSession, number: int) -> Any:  # noqa: ANN401  a DataFrame
    rows = []
    for n in range(number * ROWS, (number + 1) * ROWS):
        at = START + timedelta(seconds=n)
        values = {"mmsi": 200_000_000 + n % 500, "observed_at": at, "observed_on": at.date(), "event_id": f"alert-{n}"}
        rows.append(tuple(values.get(name) for name in SILVER_ALERTS.columns))
    return spark.createDataFrame(rows, spark_schema(SILVER_ALERTS))


if __name__ == "__main__":
    main()
