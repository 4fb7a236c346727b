"""Care of real tables beside real streams: nothing lost, nothing read twice, nothing deleted that is needed."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from deltalake.exceptions import DeltaError
from py4j.protocol import Py4JJavaError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql import DataFrame, Row, SparkSession
from pyspark.sql import functions as F

from contracts.errors import ContractError, InputError
from contracts.settings import Settings
from contracts.tables import BRONZE_ALERTS, GOLD_VESSEL_DAY, SILVER_ALERTS, SILVER_QUARANTINE, SILVER_VESSELS, Table
from contracts.topics import ALERTS
from lakehouse import ledger
from lakehouse.additions import added
from lakehouse.differences import appeared
from lakehouse.runner import run_flows
from lakehouse.runs import Run, record
from lakehouse.schema import spark_schema
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store, Txn
from lakehouse.upkeep import vacuum
from lakehouse.upkeep.care import care
from lakehouse.upkeep.health import look
from lakehouse.upkeep.log import commit_history
from lakehouse.upkeep.reading import mean_bytes
from lakehouse.upkeep.turns import StreamUpkeep, Turns
from maritime.sql import query

Land = Callable[..., None]
ALERTS_FLOW = next(flow for flow in SILVER_FLOWS if flow.name == "silver.alerts")


def offsets_in_quarantine(store: Store) -> Counter[int]:
    return Counter(row[0] for row in store.read(SILVER_QUARANTINE).select("kafka_offset").collect())


def operations(settings: Settings) -> list[str]:
    """What was done to the quarantine, oldest first."""
    history = DeltaTable(f"{settings.lake}/{SILVER_QUARANTINE.path}").history()
    return [commit["operation"] for commit in reversed(history)]


def files(settings: Settings) -> int:
    return len(DeltaTable(f"{settings.lake}/{SILVER_QUARANTINE.path}").file_uris())


def test_a_running_stream_loses_no_batch_to_the_care_of_its_tables(
    store: Store, settings: Settings, land: Land
) -> None:
    land(ALERTS, [b"junk 0"])
    busy = settings.model_copy(
        update={"batch_max_bytes": "1b", "trigger_seconds": 0, "upkeep_minutes": 0.01, "upkeep_small_files": 2}
    )
    over, landed = Event(), [0]

    def land_until_merged_and_one_more() -> None:
        is_merged = False
        while not over.wait(0.2):
            if len(ledger.entries(settings.lake, "silver.alerts")) <= landed[0]:
                continue
            if is_merged:
                return
            is_merged = "OPTIMIZE" in operations(settings)
            landed[0] += 1
            land(ALERTS, [f"junk {landed[0]}".encode()])

    def feed() -> None:
        try:
            land_until_merged_and_one_more()
        finally:
            if not over.is_set():
                os.kill(os.getpid(), signal.SIGTERM)

    feeder = Thread(target=feed)
    feeder.start()
    try:
        run_flows([ALERTS_FLOW], busy, once=False)
    finally:
        over.set()
        feeder.join()

    batches = landed[0] + 1
    assert offsets_in_quarantine(store) == Counter(range(batches))
    assert [entry["rows_quarantined"] for entry in ledger.entries(settings.lake, "silver.alerts")] == [1] * batches
    done = operations(settings)
    last_batch = max(number for number, operation in enumerate(done) if operation == "WRITE")
    assert "OPTIMIZE" in done[:last_batch]
    assert files(settings) < batches


def test_batches_written_while_optimize_runs_are_all_there(
    spark: SparkSession, store: Store, settings: Settings
) -> None:
    store.create(SILVER_QUARANTINE)
    count = 5

    def write() -> None:
        for number in range(count):
            place = {"kafka_topic": "'t'", "kafka_partition": "0", "kafka_offset": "id"}
            rows = rows_of(spark, SILVER_QUARANTINE, number, 1, **place)
            for _ in range(2):  # each is replayed once
                store.append(SILVER_QUARANTINE, rows, Txn("stream", number), {"batch_id": number})

    writer = Thread(target=write)
    writer.start()
    while writer.is_alive():
        store.optimize(SILVER_QUARANTINE, file_mb=1)
    writer.join()

    assert offsets_in_quarantine(store) == Counter(range(count))
    assert "OPTIMIZE" in operations(settings)


def test_a_stream_reads_no_row_twice_when_its_source_is_merged_and_is_not_cut_off(
    store: Store, settings: Settings, land: Land
) -> None:
    for number in range(3):
        land(ALERTS, [f"early {number}".encode()])
    run_flows([ALERTS_FLOW], settings, once=True)
    for number in range(3):
        land(ALERTS, [f"late {number}".encode()])
    store.settle(BRONZE_ALERTS)
    store.optimize(BRONZE_ALERTS, settings.upkeep_file_mb)

    plan = vacuum.plan(BRONZE_ALERTS, settings, datetime.now(UTC), keep_hours=0)
    needed = plan.old.keys() - plan.free.keys()
    with pytest.raises(
        InputError, match=r"stream silver\.alerts still has to read bronze\.alerts version 4: 3 of \d+ files"
    ):
        plan.refuse()
    vacuum.execute(plan, settings)  # takes only what nobody needs
    run_flows([ALERTS_FLOW], settings, once=True)

    assert offsets_in_quarantine(store) == Counter(range(6))
    after = vacuum.plan(BRONZE_ALERTS, settings, datetime.now(UTC), keep_hours=0)
    assert needed <= after.free.keys()  # what was kept for the stream
    assert not after.free.keys() & plan.free.keys()  # what it did not need is gone
    after.refuse()


def test_care_merges_deletes_what_is_free_and_tells_it(store: Store, settings: Settings, land: Land) -> None:
    for number in range(4):
        land(ALERTS, [f"junk {number}".encode()])
    keen = settings.model_copy(update={"upkeep_small_files": 3})
    path = Path(settings.lake, BRONZE_ALERTS.path)
    before = set(path.glob("*.parquet"))

    deeds = list(care(BRONZE_ALERTS, keen, lambda: store, nullcontext, datetime.now(UTC)))

    assert [deed.text for deed in deeds] == ["4 files merged to 1"]
    assert before < set(path.glob("*.parquet"))  # kept for their time
    assert list(care(BRONZE_ALERTS, keen, lambda: store, nullcontext, datetime.now(UTC))) == []
    vacuum.execute(vacuum.plan(BRONZE_ALERTS, keen, datetime.now(UTC), keep_hours=0), keen)
    assert len(list(path.glob("*.parquet"))) == 1
    assert store.read(BRONZE_ALERTS).count() == 4


def test_a_checkpoint_keeps_the_clustering_and_shortens_the_log(
    spark: SparkSession, store: Store, settings: Settings
) -> None:
    store.create(SILVER_VESSELS)

    store.checkpoint(SILVER_VESSELS)

    assert list(Path(settings.lake, SILVER_VESSELS.path, "_delta_log").glob("*.checkpoint*.parquet"))
    detail = spark.sql(f"DESCRIBE DETAIL delta.`{store.path(SILVER_VESSELS)}`").collect()[0]
    assert detail["clusteringColumns"] == ["mmsi"]


def rows_of(spark: SparkSession, table: Table, first: int, count: int, **columns: str) -> DataFrame:
    """Rows numbered from ``first``; columns are SQL over that number, ``id``, and null where they are not given."""
    cells = [
        F.expr(columns.get(field.name, "null")).cast(field.dataType).alias(field.name) for field in spark_schema(table)
    ]
    return spark.range(first, first + count, 1, 1).select(*cells)


def test_z_order_in_the_folders_of_days_and_restore_change_no_row(spark: SparkSession, store: Store) -> None:
    store.create(GOLD_VESSEL_DAY)
    for number in range(4):
        day = f"date_add(date'2024-01-01', {number % 2})"
        store.append(
            GOLD_VESSEL_DAY, rows_of(spark, GOLD_VESSEL_DAY, number, 1, segment_id="id", mmsi="id", observed_on=day)
        )
    before = sorted(store.read(GOLD_VESSEL_DAY).collect())

    store.zorder(GOLD_VESSEL_DAY, 1, ["mmsi"])

    assert sorted(store.read(GOLD_VESSEL_DAY).collect()) == before
    assert len(store.read(GOLD_VESSEL_DAY).inputFiles()) == 2  # one a day
    store.restore(GOLD_VESSEL_DAY, 2)
    assert [row["mmsi"] for row in sorted(store.read(GOLD_VESSEL_DAY).collect())] == [0, 1]


def read_as_stream(store: Store, settings: Settings, table: Table, name: str, **options: str) -> list[Row]:
    """What a user's stream, or reader of the change feed, gets that it has not had yet."""
    got: list[Row] = []
    source = store.spark.readStream.format("delta").options(**options).load(store.path(table))
    writer = source.writeStream.option("checkpointLocation", f"{settings.checkpoints}/{name}")
    query = writer.foreachBatch(lambda rows, _number: got.extend(rows.collect())).trigger(availableNow=True).start()
    query.awaitTermination()
    return got


def test_z_order_on_a_clustered_table_lets_a_look_up_read_less_and_no_stream_read_again(
    spark: SparkSession, store: Store, settings: Settings
) -> None:
    store.create(SILVER_ALERTS)
    scattered = {
        "mmsi": "cast(id * 7919 % 1000 as long)",
        "observed_on": "date_add(date'2024-01-01', cast(id * 31 % 10 as int))",
        "observed_at": "timestamp'2024-01-01'",
        "event_id": "concat('e', id)",
        "evidence": "sha2(cast(id as string), 256)",
    }
    for first in (0, 50_000):
        store.append(SILVER_ALERTS, rows_of(spark, SILVER_ALERTS, first, 50_000, **scattered), Txn("stream", first))
    assert len(read_as_stream(store, settings, SILVER_ALERTS, "board", maxFilesPerTrigger="1")) == 100_000
    look_ups = store.sample(SILVER_ALERTS, ["mmsi", "observed_on"], 3)
    before = mean_bytes(store, SILVER_ALERTS, look_ups)

    store.zorder(SILVER_ALERTS, 1, ["mmsi", "observed_on"])

    after = mean_bytes(store, SILVER_ALERTS, look_ups)
    assert before is not None
    assert after is not None
    assert after < before * 2 / 3
    assert store.read(SILVER_ALERTS).agg(F.count_distinct("event_id"), F.count("*")).first() == (100_000, 100_000)
    assert store.transaction(SILVER_ALERTS, "stream") == 50_000
    assert look(settings, SILVER_ALERTS).layout == "Z-order by mmsi, observed_on"
    assert read_as_stream(store, settings, SILVER_ALERTS, "board") == []
    store.cluster(SILVER_ALERTS)
    assert look(settings, SILVER_ALERTS).layout == "liquid by observed_on, mmsi"
    detail = spark.sql(f"DESCRIBE DETAIL delta.`{store.path(SILVER_ALERTS)}`").collect()[0]
    assert detail["clusteringColumns"] == ["observed_on", "mmsi"]


def test_files_tell_bounds_of_what_readers_skip_them_by_and_of_what_a_table_is_sorted_by(
    spark: SparkSession, store: Store
) -> None:
    store.create(SILVER_ALERTS)
    store.append(SILVER_ALERTS, rows_of(spark, SILVER_ALERTS, 0, 100, event_id="concat('e', id)", evidence="'e'"))

    def bounded() -> set[str]:
        files = pa.table(DeltaTable(store.path(SILVER_ALERTS)).get_add_actions(flatten=True))
        return {name.removeprefix("min.") for name in files.column_names if name.startswith("min.")}

    assert bounded() == set(SILVER_ALERTS.bounded) >= {"mmsi", "observed_at", "kafka_offset"}
    store.zorder(SILVER_ALERTS, 1, ["evidence"])
    assert bounded() == {*SILVER_ALERTS.bounded, "evidence"}
    assert not store.settle(SILVER_ALERTS)
    store.cluster(SILVER_ALERTS)
    assert not store.settle(SILVER_ALERTS)


def test_a_vacuum_cuts_no_reader_of_a_change_feed_off(spark: SparkSession, store: Store, settings: Settings) -> None:
    store.create(SILVER_VESSELS)
    spark.sql(f"ALTER TABLE delta.`{store.path(SILVER_VESSELS)}` SET TBLPROPERTIES (delta.enableChangeDataFeed = true)")

    def upsert(call_sign: str) -> None:
        same = "timestamp_seconds(0)"
        cells = {"mmsi": "id", "identity_id": "'x'", "valid_from_at": same, "call_sign": f"'{call_sign}'"}
        store.upsert(SILVER_VESSELS, rows_of(spark, SILVER_VESSELS, 1, 3, **cells))

    def feed() -> Counter[str]:
        got = read_as_stream(store, settings, SILVER_VESSELS, "port-screen", readChangeFeed="true")
        return Counter(row["_change_type"] for row in got)

    upsert("A")
    assert feed() == {"insert": 3}
    upsert("B")
    upsert("C")

    plan = vacuum.plan(SILVER_VESSELS, settings, datetime.now(UTC), keep_hours=0)
    with pytest.raises(InputError, match=r"change-feed reader port-screen still has to read silver\.vessels"):
        plan.refuse()
    vacuum.execute(plan, settings)  # takes only what nobody needs

    assert feed() == {"update_preimage": 6, "update_postimage": 6}
    after = vacuum.plan(SILVER_VESSELS, settings, datetime.now(UTC), keep_hours=0)
    assert len(after.free) >= 2  # what was kept for it
    assert not after.free.keys() & plan.free.keys()
    assert sorted(row["call_sign"] for row in store.read(SILVER_VESSELS).collect()) == ["C"] * 3


def test_batches_go_on_while_files_are_merged_of_a_table_that_only_grows_and_of_no_other(
    spark: SparkSession, store: Store, settings: Settings, land: Land
) -> None:
    store.create(SILVER_VESSELS)
    same = {"identity_id": "'x'", "valid_from_at": "timestamp_seconds(0)"}
    for number in range(3):
        land(ALERTS, [f"junk {number}".encode()])
        store.upsert(SILVER_VESSELS, rows_of(spark, SILVER_VESSELS, number, 1, mmsi="id", **same))
    turns = Turns({"bronze.alerts": (BRONZE_ALERTS,), "silver.ais": (SILVER_VESSELS,)})
    can_go_on = {}

    class Watched(Store):
        def optimize(self, table: Table, file_mb: int) -> None:
            stream = next(name for name, tables in turns.tables.items() if table in tables)
            if turn := turns.batch(stream).acquire(blocking=False):
                turns.batch(stream).release()
            can_go_on[table.name] = turn
            Store.optimize(self, table, file_mb)

    keen = settings.model_copy(update={"upkeep_small_files": 2, "upkeep_minutes": 1})
    StreamUpkeep(Watched(spark, store.root), keen, turns, looked_at=float("-inf")).tick(Event())

    assert can_go_on == {"bronze.alerts": True, "silver.vessels": False}
    assert [look(settings, table).shape.files for table in (BRONZE_ALERTS, SILVER_VESSELS)] == [1, 1]


def test_a_thinned_log_is_read_by_everybody_and_a_version_that_is_gone_is_refused_by_all(
    spark: SparkSession, store: Store, settings: Settings
) -> None:
    store.create(SILVER_ALERTS)
    store.alter(SILVER_ALERTS, ["SET TBLPROPERTIES ('delta.checkpointInterval' = '8')"])
    cells = {"mmsi": "id", "observed_on": "date'2024-01-01'", "event_id": "id"}
    for version in range(2, 26):
        store.append(SILVER_ALERTS, rows_of(spark, SILVER_ALERTS, version, 1, **cells), Txn("board", version))
    assert len(read_as_stream(store, settings, SILVER_ALERTS, "board")) == 24
    record(Run("tracks", {}, store, datetime.now(UTC), inputs={SILVER_ALERTS.name: 14}), "succeeded")
    path, log = store.path(SILVER_ALERTS), Path(store.path(SILVER_ALERTS), "_delta_log")
    before = len(list(log.iterdir()))
    newest = (log / "_last_checkpoint").read_text()
    keen = settings.model_copy(update={"upkeep_log_versions": 6})

    assert vacuum.plan(SILVER_ALERTS, keen, datetime.now(UTC)).far == [14]
    store.checkpoint(SILVER_ALERTS, 14)
    vacuum.execute(vacuum.plan(SILVER_ALERTS, keen, datetime.now(UTC)), keen)

    kept = {int(file.name[:20]) for file in log.glob("*.json")}
    assert len(list(log.iterdir())) < before * 3 / 4
    assert kept == {8, 12, 13, 14, *range(16, 26)}  # the hour's, the run's with two that tell of it
    assert (log / "_last_checkpoint").read_text() == newest
    assert [commit["version"] for commit in commit_history(DeltaTable(path))] == sorted(kept, reverse=True)
    spark._jvm.org.apache.spark.sql.delta.DeltaLog.clearCache()  # type: ignore[union-attr]
    for at in (None, 8, 14, 20):
        told = query(settings, "SELECT count(*) FROM silver.alerts", {SILVER_ALERTS.name: at} if at else {})
        counted = [store.read(SILVER_ALERTS, at).count(), told.fetchall()[0][0]]
        assert [*counted, DeltaTable(path, version=at).to_pyarrow_table().num_rows] == [at - 1 if at else 24] * 3
    for read in (
        lambda: store.read(SILVER_ALERTS, 13),
        lambda: DeltaTable(path, version=13),
        lambda: query(settings, "FROM silver.alerts", {SILVER_ALERTS.name: 13}),
    ):
        with pytest.raises((DeltaError, InputError, Py4JJavaError, PySparkException)):
            read()
    store.append(SILVER_ALERTS, rows_of(spark, SILVER_ALERTS, 26, 1, **cells), Txn("board", 26))
    assert [row["mmsi"] for row in read_as_stream(store, settings, SILVER_ALERTS, "board")] == [26]
    store.optimize(SILVER_ALERTS, 1)
    columns = ["mmsi", "event_id"]
    assert added(store, SILVER_ALERTS, 14, store.version(SILVER_ALERTS), columns) is None
    come = appeared(store, SILVER_ALERTS, 14, store.version(SILVER_ALERTS), columns)
    assert come is not None
    assert sorted(row["mmsi"] for row in come.collect()) == list(range(15, 27))


def test_rows_of_a_table_that_only_grows_are_not_changed(spark: SparkSession, store: Store) -> None:
    for change in (store.upsert, lambda table, rows: store.restate(table, rows, rows)):
        with pytest.raises(ContractError, match=r"bronze\.alerts only grows"):
            change(BRONZE_ALERTS, rows_of(spark, BRONZE_ALERTS, 0, 1))


def test_care_of_a_shared_table_waits_for_the_batches_of_all_its_streams() -> None:
    turns = Turns({flow.name: flow.tables for flow in SILVER_FLOWS})
    entered = Event()

    def look_after() -> None:
        with turns.of(SILVER_QUARANTINE):
            entered.set()

    with turns.batch("silver.sensors"):
        waiting = Thread(target=look_after)
        waiting.start()
        assert not entered.wait(0.3)
    waiting.join(5)
    assert entered.is_set()
