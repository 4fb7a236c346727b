"""The only module that reads or writes Delta tables with Spark."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import deltalake
from delta.tables import DeltaTable
from pyspark.sql import Column, DataFrame, SparkSession
from pyspark.sql import functions as F

from contracts import fingerprints
from contracts.errors import ContractError, InputError
from contracts.tables import Table
from lakehouse.append_once import append_once
from lakehouse.evolution.tables import CONTRACT_PROPERTY, check, grow
from lakehouse.leftovers import clear_leftovers
from lakehouse.logs import Logs, log_of
from lakehouse.restatement import RESTATED, escaped, merge_sql, replacements, same_rows
from lakehouse.schema import as_declared, stored, stored_schema
from lakehouse.upkeep.log import commit_history

TXN_APP = "spark.databricks.delta.write.txnAppId"
TXN_VERSION = "spark.databricks.delta.write.txnVersion"
USER_METADATA = "spark.databricks.delta.commitInfo.userMetadata"
CHECKPOINT_COMMITS = 50
"""A stream commits every second: a checkpoint each ten commits, the default, would be a pause each ten seconds."""
SHUFFLE_PARTITIONS = "spark.sql.shuffle.partitions"
ONE_TASK = {
    SHUFFLE_PARTITIONS: 1,
    "spark.sql.files.maxPartitionBytes": "1g",
    "spark.sql.files.openCostInBytes": 0,
    "spark.sql.files.minPartitionNum": 1,
}
OPTIMIZE = "spark.databricks.delta.optimize"
CLUSTERING = "clustering"
"""Delta's name of the feature; a table that has had it once has it for ever."""
ZORDERED_BY = "maritime.zorderedBy"
"""Property of a table that a user wants sorted in Z-order and not clustered: by these columns."""


@dataclass(frozen=True, slots=True)
class Txn:
    """Identity of a batch in the Delta log. A second write with it is skipped, so a replayed batch is harmless.

    ``app_id`` names stream, table and checkpoint: a new checkpoint must have a new one, or its writes are skipped.
    """

    app_id: str
    version: int


@dataclass(frozen=True, slots=True)
class Store:
    """The Delta tables under one root. ``places`` puts single tables elsewhere, by name; ``logs`` are kept open."""

    spark: SparkSession
    root: str
    places: Mapping[str, str] = field(default_factory=dict)
    logs: Logs | None = field(default=None, compare=False, repr=False)

    def path(self, table: Table) -> str:
        """Folder or URI of the table."""
        return self.places.get(table.name, f"{self.root}/{table.path}")

    def exists(self, table: Table) -> bool:
        """Whether the table has been created."""
        return deltalake.DeltaTable.is_deltatable(self.path(table))

    def create(self, table: Table) -> None:
        """Create the table by its contract, clustered or partitioned; one that is there must fit it.

        Raises:
            ContractError: It has an earlier contract, or its folder other files; the sentence says what to do.
        """
        if not self.exists(table):
            clear_leftovers(self.spark, self.path(table))
            self.spark.sql(_creation(table, self.path(table)))
            if not self.exists(table):
                raise ContractError(f"{self.path(table)} has files and is no Delta table: move them, then start again.")
        elif table.name.startswith("ops."):
            grow(table, self.path(table))
        else:
            check(table, self.path(table))

    def alter(self, table: Table, statements: Sequence[str]) -> None:
        """Change the table by the parts of ``ALTER TABLE`` behind its name, one commit each."""
        for statement in statements:
            self.spark.sql(f"ALTER TABLE delta.`{self.path(table)}` {statement}")

    def fill(self, table: Table, column: str, value: str) -> None:
        """Give the rows that have no value in a column one, in SQL. A stream that reads the table would stop at it."""
        statement = f"UPDATE delta.`{self.path(table)}` SET `{column}` = {value} WHERE `{column}` IS NULL"  # nosec B608
        self.spark.sql(statement)  # the names and the value are those of the contract

    def read(self, table: Table, version: int | None = None) -> DataFrame:
        """The table, now or as of a version, in the columns that its contract names today.

        Raises:
            InputError: The table is not there.
        """
        if not self.exists(table):
            raise InputError(f"No table {table.name} at {self.path(table)}: run its stream or job first.")
        reader = self.spark.read.format("delta")
        rows = (reader if version is None else reader.option("versionAsOf", version)).load(self.path(table))
        return as_declared(table, rows)

    def append(
        self, table: Table, rows: DataFrame, txn: Txn | None = None, metadata: Mapping[str, Any] | None = None
    ) -> None:
        """Append rows; with a ``txn`` already written, append nothing.

        Args:
            table: Its contract; the rows must have its columns in its order.
            rows: What to append.
            txn: Identity of the batch.
            metadata: Kept as JSON in the commit: source offsets and batch id.

        Raises:
            ContractError: The rows' columns are not the table's.
        """
        new, told = _as_stored(table, rows), json.dumps(metadata or {}, default=str)
        if txn:
            append_once(
                new, self.path(table), txn.app_id, txn.version, told, partial(self.transaction, table, txn.app_id)
            )
            return
        writer = new.write.format("delta").mode("append")
        if metadata:
            writer = writer.option("userMetadata", told)
        writer.save(self.path(table))

    def upsert(
        self,
        table: Table,
        rows: DataFrame,
        txn: Txn | None = None,
        only_if: str | None = None,
        only_old: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> int:
        """Merge rows by the table's key and return its version; doing it twice changes nothing.

        Args:
            table: Its contract.
            rows: At most one row per key.
            txn: Identity of the batch.
            only_if: Condition on ``old`` and ``new`` under which a known row is updated; always when unset.
            only_old: Condition on ``old`` with literals that every row with one of the keys fulfils: Delta then leaves
                the other files unread.
            metadata: Kept as JSON in the commit, as by ``append``.

        Raises:
            ContractError: The rows' columns are not the table's, or the table only grows.
        """
        new = _changing(table, rows)
        # Not all columns of the table: those of an earlier contract stay as they are.
        values: dict[str, str | Column] = {f"`{name}`": F.col(f"new.`{name}`") for name in new.columns}
        same_key = " AND ".join(f"old.{column.name} = new.{column.name}" for column in table.key)
        condition = f"{same_key} AND {only_old}" if only_old else same_key
        merge = (
            DeltaTable.forPath(rows.sparkSession, self.path(table))
            .alias("old")
            .merge(new.alias("new"), condition)
            .whenMatchedUpdate(condition=only_if, set=values)
            .whenNotMatchedInsert(values=values)
        )
        with _transaction(rows.sparkSession, txn, metadata):
            merge.execute()
        return self.version(table)

    def restate(
        self, table: Table, rows: DataFrame, stale: DataFrame, metadata: Mapping[str, Any] | None = None
    ) -> int:
        """Put rows in the place of stale ones in one commit, and return the version; doing it twice changes nothing.

        Args:
            table: Its contract.
            rows: What is true now, at most one row per key.
            stale: Keys of rows that may no longer be: those that ``rows`` does not have are deleted.
            metadata: Kept as JSON in the commit, as by ``append``.

        Raises:
            ContractError: The rows' columns are not the table's.
        """
        new = _changing(table, rows)
        self._put_in_place(table, replacements(table, new, stale), new.columns, metadata)
        return self.version(table)

    def _put_in_place(
        self, table: Table, source: DataFrame, columns: Sequence[str], metadata: Mapping[str, Any] | None
    ) -> None:
        """Merge what `restatement.replacements` gives: an engine's own way.

        SQL, as in `create`, so that it does on a Spark Connect server too.
        """
        condition = same_rows(table, source, escaped)
        source.createOrReplaceTempView(RESTATED)
        try:
            with _transaction(self.spark, None, metadata):
                self.spark.sql(merge_sql(self.path(table), RESTATED, condition, columns))
        finally:
            self.spark.catalog.dropTempView(RESTATED)

    def kept(self, rows: DataFrame) -> DataFrame:
        """A few rows, worked out once and held: what is asked of them later reads no table again.

        Where another process computes, they come here and go back with each question: a Spark Connect client holds no
        rows there whose plan is as deep as that of years (protobuf nests a hundred messages).
        """
        if isinstance(self.spark, SparkSession):  # as that of Spark Connect is not
            return rows.localCheckpoint()
        return self.spark.createDataFrame(rows.toArrow(), rows.schema)

    def replace(
        self,
        table: Table,
        rows: DataFrame,
        where: str | None = None,
        metadata: Mapping[str, Any] | None = None,
    ) -> int:
        """Replace the rows that fulfil ``where`` (all, when unset) in one commit, and return the version.

        ``metadata`` is kept as JSON in the commit: what the rows rest on.

        Raises:
            ContractError: The rows' columns are not the table's.
        """
        writer = _as_stored(table, rows).write.format("delta").mode("overwrite")
        if metadata:
            writer = writer.option("userMetadata", json.dumps(metadata, default=str))
        (writer.option("replaceWhere", where) if where else writer).save(self.path(table))
        return self.version(table)

    def erase(self, table: Table, condition: str, txn: Txn) -> None:
        """Delete the rows that fulfil a condition, for good.

        Streams stop at such a commit; ``erasure.history`` makes it one that they pass over.
        """
        with _transaction(self.spark, txn, None):
            DeltaTable.forPath(self.spark, self.path(table)).delete(condition)

    def sliced(self, tasks: int) -> AbstractContextManager[None]:
        """Within it, what is planned in this session is shuffled into so many tasks."""
        return _set(self.spark, {SHUFFLE_PARTITIONS: tasks})

    def in_one_task(self) -> AbstractContextManager[None]:
        """Within it, what is planned in this session is read and shuffled by one task at a time, up to a gigabyte.

        For work beside streams, which then have the other cores: two tasks merge files hardly sooner.
        """
        return _set(self.spark, ONE_TASK)

    def version(self, table: Table) -> int:
        """Latest version of the table."""
        return int(self._log(table).version())

    def transaction(self, table: Table, app_id: str) -> int | None:
        """Last batch that ``app_id`` has committed to the table; null when none."""
        version = self._log(table).transaction_version(app_id)
        return None if version is None else int(version)

    def committed(self, table: Table, txn: Txn) -> tuple[int, int]:
        """Version and row count of the commit that holds a batch.

        Raises:
            ContractError: The log does not hold it.
        """
        for commit in commit_history(self._log(table)):  # nearly always among the newest; far back only after a crash
            metadata = json.loads(commit.get("userMetadata") or "{}")
            if (metadata.get("app_id"), metadata.get("batch_id")) == (txn.app_id, txn.version):
                return int(commit["version"]), int(commit["operationMetrics"]["numOutputRows"])
        raise ContractError(f"{table.name}: batch {txn.version} of {txn.app_id} is not in the table's log.")

    def version_before(self, table: Table, txn: Txn) -> int:
        """Version that the table had before the batch was committed, else its latest.

        A batch that is replayed after a crash must judge its records against the table as it was the first time.
        And a read that names no version sees the batch's own rows as soon as they are written, even if it is cached.
        """
        log = self._log(table)
        done = log.transaction_version(txn.app_id)
        if done is None or done < txn.version:
            return int(log.version())
        return self.committed(table, txn)[0] - 1

    def settle(self, table: Table, zordered_by: Sequence[str] = ()) -> bool:
        """Give a table that was made by an earlier release today's properties; whether there was anything to do.

        Args:
            table: Its contract.
            zordered_by: By what it is about to be sorted in Z-order.
        """
        log = self._log(table)
        has, columns = log.metadata().configuration, {field.name for field in log.schema().fields}
        wanted = properties(table, zordered_by or zordered(has), columns)
        missing = {name: value for name, value in wanted.items() if has.get(name) != value}
        if missing:
            pairs = ", ".join(f"'{name}' = '{value}'" for name, value in missing.items())
            self.spark.sql(f"ALTER TABLE delta.`{self.path(table)}` SET TBLPROPERTIES ({pairs})")
        return bool(missing)

    def optimize(self, table: Table, file_mb: int) -> None:
        """Merge small files into files of about ``file_mb``, by the table's clustering; no row changes.

        Delta would write a clustered table anew, whole, each time until it holds 100 GB: what is clustered already is
        left alone here from twice the file size on.
        """
        size = file_mb * 1_000_000
        conf = {
            f"{OPTIMIZE}.clustering.mergeStrategy.minCubeSize.threshold": 2 * size,
            f"{OPTIMIZE}.clustering.mergeStrategy.minCubeSize.targetCubeSize": 3 * size,
        }
        with _set(self.spark, {**_file_size(file_mb), **conf}):
            DeltaTable.forPath(self.spark, self.path(table)).optimize().executeCompaction()

    def zorder(self, table: Table, file_mb: int, columns: Sequence[str]) -> None:
        """Sort the whole table in Z-order into files of about ``file_mb``; no row changes, streams read none again.

        Delta's own command refuses a table that was once clustered, for good. Such a table is freed of its clustering
        and rearranged by the sort that the command itself uses.
        """
        path = self.path(table)
        self.settle(table, columns)  # before, for Delta sorts by no column of which files tell no bounds
        if CLUSTERING not in (self._log(table).protocol().writer_features or []):
            with _set(self.spark, _file_size(file_mb)):
                DeltaTable.forPath(self.spark, path).optimize().executeZOrderBy(*columns)
        else:
            self.spark.sql(f"ALTER TABLE delta.`{path}` CLUSTER BY NONE")
            size_bytes = sum(self._log(table).get_add_actions(flatten=True)["size_bytes"].to_pylist())
            sorted_rows = _zordered(self.read(table), max(1, round(size_bytes / file_mb / 1e6)), columns)
            writer = sorted_rows.write.format("delta").mode("overwrite").option("dataChange", "false")
            writer.option("userMetadata", json.dumps({"zorder_by": list(columns)})).save(path)
        self.spark.sql(f"ALTER TABLE delta.`{path}` SET TBLPROPERTIES ('{ZORDERED_BY}' = '{', '.join(columns)}')")

    def cluster(self, table: Table) -> None:
        """Let a table that was sorted in Z-order be clustered again as its contract says, from the next merge on."""
        path, columns = self.path(table), ", ".join(field.name for field in table.clustered_by)
        self.spark.sql(f"ALTER TABLE delta.`{path}` CLUSTER BY ({columns})")
        self.spark.sql(f"ALTER TABLE delta.`{path}` UNSET TBLPROPERTIES IF EXISTS ('{ZORDERED_BY}')")
        self.settle(table)

    def sample(self, table: Table, columns: Sequence[str], count: int) -> list[dict[str, Any]]:
        """Up to ``count`` different values that these columns have, none null; the same ones for the same rows."""
        values = self.read(table).select(*columns).dropna().distinct()
        return [row.asDict() for row in values.orderBy(F.xxhash64(*columns)).limit(count).collect()]

    def restore(self, table: Table, version: int) -> int:
        """Make the table what it was at a version, as a new version, and return that."""
        DeltaTable.forPath(self.spark, self.path(table)).restoreToVersion(version)
        return self.version(table)

    def checkpoint(self, table: Table, version: int | None = None) -> None:
        """Write a checkpoint of the log by Delta itself: delta-rs would not keep the clustering.

        One of an earlier version is for those who read that version; the others go on from the newest.
        """
        jvm = self.spark._jvm  # no public way leads there
        assert jvm is not None  # only Spark Connect has none, and care of tables runs in-process
        log = jvm.org.apache.spark.sql.delta.DeltaLog.forTable(self.spark._jsparkSession, self.path(table))
        if version is None:
            log.checkpoint()
        else:
            none = jvm.scala.Option.empty()
            log.writeCheckpointFiles(log.getSnapshotAt(version, none, none, False), none)

    def _log(self, table: Table) -> deltalake.DeltaTable:
        return log_of(self.path(table), self.logs)


def zordered(has: Mapping[str, str]) -> list[str]:
    """By what a table with these properties is sorted in Z-order."""
    return has[ZORDERED_BY].split(", ") if ZORDERED_BY in has else []


def properties(table: Table, zordered_by: Sequence[str] = (), columns: Collection[str] | None = None) -> dict[str, str]:
    """Delta's own properties of a table. Old log entries are deleted by us, who know who still reads them.

    Args:
        table: Its contract.
        zordered_by: By what it is sorted in Z-order: files tell bounds of these columns too.
        columns: Those that the table has, where it may have an earlier contract: Delta bounds no others.
    """
    bounded = [*table.bounded, *(name for name in zordered_by if name not in table.bounded)]
    return {
        "delta.dataSkippingStatsColumns": ",".join(name for name in bounded if columns is None or name in columns),
        "delta.checkpointInterval": str(CHECKPOINT_COMMITS),
        "delta.deletedFileRetentionDuration": f"interval {table.keep_hours} hours",
        "delta.logRetentionDuration": f"interval {table.log_keep_days} days",
        "delta.enableExpiredLogCleanup": "false",
    }


def _creation(table: Table, path: str) -> str:
    """SQL and not Delta's builder: a Spark Connect server needs nothing of Delta's own for it."""
    columns = ", ".join(
        f"`{column.name}` {column.dataType.simpleString()}{'' if column.nullable else ' NOT NULL'}"
        f" COMMENT {json.dumps(column.metadata['comment'])}"
        for column in stored_schema(table)
    )
    by = {"CLUSTER BY": table.clustered_by, "PARTITIONED BY": table.partitioned_by}
    layout = "".join(
        f" {word} ({', '.join(column.name for column in chosen)})" for word, chosen in by.items() if chosen
    )
    marked = {**properties(table), CONTRACT_PROPERTY: fingerprints.of_table(table)}
    settings = ", ".join(f"'{name}' = '{value}'" for name, value in marked.items())
    return f"CREATE TABLE IF NOT EXISTS delta.`{path}` ({columns}) USING delta{layout} TBLPROPERTIES ({settings})"


def _file_size(file_mb: int) -> dict[str, int]:
    size = file_mb * 1_000_000
    return {f"{OPTIMIZE}.maxFileSize": size, f"{OPTIMIZE}.minFileSize": size // 2}


def _zordered(rows: DataFrame, files: int, columns: Sequence[str]) -> DataFrame:
    """The rows in as many pieces, sorted in Z-order by Delta's own sort, to which no public way leads."""
    spark = rows.sparkSession
    jvm = spark._jvm
    assert jvm is not None  # only Spark Connect has none, and care of tables runs in-process
    names = jvm.PythonUtils.toSeq(list(columns))
    clustering = getattr(getattr(jvm.org.apache.spark.sql.delta.skipping, "MultiDimClustering$"), "MODULE$")
    return DataFrame(clustering.cluster(rows._jdf, files, names, "zorder"), spark)


def _as_stored(table: Table, rows: DataFrame) -> DataFrame:
    if rows.columns != table.columns:
        raise ContractError(f"{table.name}: got {rows.columns}, declared {table.columns}")
    return stored(table, rows)


def _changing(table: Table, rows: DataFrame) -> DataFrame:
    """The rows as stored, for a write that changes others: a stream that reads the table would stop at it."""
    if table.only_grows:
        raise ContractError(f"{table.name} only grows: its rows are never changed.")
    return _as_stored(table, rows)


def _transaction(
    spark: SparkSession, txn: Txn | None, metadata: Mapping[str, Any] | None
) -> AbstractContextManager[None]:
    """Give transaction and metadata to a MERGE, which takes them only from the session. Each stream has its own."""
    conf: dict[str, object] = {TXN_APP: txn.app_id, TXN_VERSION: txn.version} if txn else {}
    return _set(spark, conf | ({USER_METADATA: json.dumps(metadata, default=str)} if metadata else {}))


@contextmanager
def _set(spark: SparkSession, conf: Mapping[str, object]) -> Iterator[None]:
    """Settings of the session for the length of a block."""
    before = {name: spark.conf.get(name, None) for name in conf}
    for name, value in conf.items():
        spark.conf.set(name, str(value).lower() if isinstance(value, bool) else str(value))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                spark.conf.unset(name)
            else:
                spark.conf.set(name, value)
