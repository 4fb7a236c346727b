"""What an append of a stream's batch costs: ours, and the same by Delta's own option ``txnAppId``.

    python -m bench.appends --rows 7000 --times 60
    python -m bench.appends --old-log-files 270000

Each has a Bronze table of its own. They take turns, with the same generated rows; the first half is warm-up, left out.
With ``--old-log-files`` the log's folder holds so many more files, older than all commits: Delta reads none of them,
and on a local disk it lists the whole folder for each append. A commit leaves four files.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import click
from pyspark.sql import DataFrame

from contracts.settings import load_settings
from contracts.tables import BRONZE_AIS
from infra.console import Command, json_option, print_facts, print_json
from lakehouse.session import spark_session
from lakehouse.store import Store, Txn

RECORD = {
    "kafka_topic": "'maritime.ais'",
    "kafka_partition": "CAST(id % 12 AS INT)",
    "kafka_offset": "id",
    "kafka_key": "CAST(CAST(id AS STRING) AS BINARY)",
    "headers": "CAST(array() AS array<struct<key:string,value:binary>>)",
    "value": "CAST(concat('{\"generated\": \"', md5(CAST(id AS STRING)), md5(CAST(-id AS STRING)), '\"}') AS BINARY)",
    "published_at": "current_timestamp()",
    "ingested_at": "current_timestamp()",
    "ingested_on": "current_date()",
}


@click.command(cls=Command)
@click.option("--rows", default=7_000, show_default=True, help="Rows of a batch.")
@click.option("--times", type=click.IntRange(min=2), default=60, show_default=True, help="Batches of each.")
@click.option("--old-log-files", default=0, show_default=True, help="Files that the log has of versions long gone.")
@json_option
def main(rows: int, times: int, old_log_files: int, as_json: bool) -> None:
    """Time both, and compare what is in the tables."""
    with tempfile.TemporaryDirectory(prefix="maritime-appends-") as folder:
        figures = measure(Path(folder), rows, times, old_log_files)
    if as_json:
        print_json(figures)
    else:
        print_facts(figures)


def measure(folder: Path, rows: int, times: int, old_log_files: int) -> dict[str, float]:
    """Median seconds of an append by each.

    Raises:
        ClickException: They did not write the same number of rows.
    """
    spark = spark_session(load_settings().model_copy(update={"home": folder}), "appends")
    spark.conf.set("spark.sql.adaptive.enabled", "false")  # as in a stream
    batch = spark.range(rows).selectExpr(*(f"{RECORD[name]} AS {name}" for name in BRONZE_AIS.columns)).coalesce(1)
    batch = batch.persist()
    batch.count()
    ours, theirs = (Store(spark, str(folder / name), logs={}) for name in ("ours", "theirs"))
    for store in (ours, theirs):
        store.create(BRONZE_AIS)
        _lengthen(store, old_log_files)
    took = [(_time(_ours, ours, batch, n), _time(_theirs, theirs, batch, n)) for n in range(times)]
    if ours.read(BRONZE_AIS).count() != theirs.read(BRONZE_AIS).count():
        raise click.ClickException("the two tables do not have the same number of rows")
    ours_s, theirs_s = (statistics.median(each) for each in zip(*took[times // 2 :], strict=True))
    sizes = {"rows": rows, "old_log_files": old_log_files}
    return {**sizes, "ours_s": round(ours_s, 3), "txn_app_id_s": round(theirs_s, 3), "ratio": ours_s / theirs_s}


def _lengthen(store: Store, files: int) -> None:
    """Put files into the log's folder whose names come before those of all commits after the first."""
    log = Path(store.path(BRONZE_AIS), "_delta_log")
    for number in range(files):
        (log / f"{0:020d}.old{number}.json").write_text("{}")


def _ours(store: Store, batch: DataFrame, number: int) -> None:
    store.append(BRONZE_AIS, batch, Txn("bench", number), {"batch_id": number})


def _theirs(store: Store, batch: DataFrame, number: int) -> None:
    writer = batch.write.format("delta").mode("append").option("userMetadata", "{}")
    writer.option("txnAppId", "bench").option("txnVersion", number).save(store.path(BRONZE_AIS))


def _time(append: Callable[[Store, DataFrame, int], None], store: Store, batch: DataFrame, number: int) -> float:
    begun = time.perf_counter()
    append(store, batch, number)
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
