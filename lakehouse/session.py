"""The one place that builds a SparkSession: in-process, under spark-submit, or over Spark Connect."""

from __future__ import annotations

import sys

from pyspark.errors import PySparkException
from pyspark.sql import SparkSession

from contracts.errors import ConfigurationError
from contracts.settings import Settings
from infra.class_archive import CODE_CACHE, java_options
from infra.jars import LOCK, spark_jars

LOG4J = LOCK.with_name("spark-log4j2.properties")
POOLS = LOCK.with_name("spark-pools.xml")
DELTA = {
    "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
    "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
}
SECRETS = {
    # What Spark shows of settings and of a source's options; Kafka's login stands in an option `...jaas.config`.
    "spark.redaction.regex": "(?i)secret|password|token|access[.]?key|jaas",
    "spark.sql.redaction.options.regex": "(?i)url|secret|password|token|access[.]?key|jaas",
}
SMALL_MACHINE = {
    # A table read plans this many tasks to replay its log; the default of 50 costs more than the read.
    "spark.databricks.delta.snapshotPartitions": "2",
    # Delta would refuse every version older than deleted files are kept at least; ours stay while somebody needs them.
    "spark.databricks.delta.vacuum.enforceTimeTravelWithinDeletedFileRetentionDuration": "false",
    # Nine streams have some hundreds of generated classes; the default cache of 100 would compile them each batch.
    "spark.sql.codegen.cache.maxEntries": "2000",
    # Else each expression asks Java six times, for the line of Python that an error of Java's would name.
    "spark.python.sql.dataFrameDebugging.enabled": "false",
    # Streams take turns, task by task: a long Gold batch does not make Silver wait for its end.
    "spark.scheduler.mode": "FAIR",
    "spark.sql.session.timeZone": "UTC",
    "spark.ui.showConsoleProgress": "false",
    "spark.sql.streaming.stateStore.providerClass": (
        "org.apache.spark.sql.execution.streaming.state.RocksDBStateStoreProvider"
    ),
    "spark.sql.streaming.stateStore.rocksdb.changelogCheckpointing.enabled": "true",
    "spark.sql.streaming.metricsEnabled": "false",
    # A batch that is held is read a few times and let go: finding how to compress it costs more than it spares.
    "spark.sql.inMemoryColumnarStorage.compressed": "false",
    # No two raw records are the same, so a dictionary of them is made in vain.
    "spark.hadoop.parquet.enable.dictionary#value": "false",
    "spark.sql.parquet.compression.codec": "zstd",
    "spark.sql.adaptive.coalescePartitions.initialPartitionNum": "8",
    # A day of the whole world has 60,000 vessels, an aggregate that fits in memory: sorting for it costs more.
    "spark.sql.objectHashAggregate.sortBased.fallbackThreshold": "200000",
}

LOCAL_DISK = {
    # Each file that Hadoop writes by its FileContext starts ten processes (chmod, readlink), by its FileSystem two; a
    # batch writes four such files. Both put a file in place by renaming it.
    "spark.delta.logStore.file.impl": "io.delta.storage.LocalLogStore",
    "spark.sql.streaming.checkpointFileManagerClass": (
        "org.apache.spark.sql.execution.streaming.checkpointing.FileSystemBasedCheckpointFileManager"
    ),
}

NO_PAGE = {
    # Kept for Spark's own web page, a thousand plans and stages of it: where nobody serves the page, heap for nothing.
    "spark.sql.ui.retainedExecutions": "1",
    "spark.ui.retainedJobs": "1",
    "spark.ui.retainedStages": "1",
    "spark.ui.retainedTasks": "100",
    "spark.sql.ui.explainMode": "simple",
}


def spark_session(settings: Settings, app: str, **extra: str) -> SparkSession:
    """The session of this process, made on first use.

    Where ``SPARK_REMOTE`` is set, a Spark Connect session to it. Under ``spark-submit`` the master, memory and jars
    that were given there win, since Spark reads them before ours. Otherwise in-process with ``settings.spark_master``.

    Args:
        settings: Master, memory, shuffle partitions.
        app: Name shown by Spark.
        extra: Further Spark settings, with ``__`` for ``.`` in names.

    Raises:
        ConfigurationError: Java does not begin with these settings.
    """
    if settings.spark_remote:
        return SparkSession.builder.remote(settings.spark_remote).getOrCreate()
    builder = SparkSession.builder.appName(app)
    for name, value in {**_local(settings), **{key.replace("__", "."): value for key, value in extra.items()}}.items():
        builder = builder.config(name, value)
    session = _begun(builder, settings)
    if settings.spark_gateway_port is None and settings.spark_master.startswith("local"):
        session.sparkContext.pythonExec = sys.executable  # else its workers run the first python3 of the path
    session.sparkContext.setLogLevel("ERROR")
    return session


def _begun(builder: SparkSession.Builder, settings: Settings) -> SparkSession:
    try:
        return builder.getOrCreate()
    except PySparkException as error:
        if error.getCondition() != "JAVA_GATEWAY_EXITED":
            raise
        raise ConfigurationError(
            "Spark could not be started; what Java said of it stands above. Do MARITIME_SPARK_DRIVER_MEMORY="
            f"{settings.spark_driver_memory} and MARITIME_SPARK_JAVA_OPTIONS={settings.spark_java_options!r} suit this "
            "machine?"
        ) from error


def is_local(root: str) -> bool:
    """Whether the lake is a folder of this machine."""
    return "://" not in root or root.startswith("file:")


def _local(settings: Settings) -> dict[str, str]:
    conf = {
        **DELTA,
        **SECRETS,
        **SMALL_MACHINE,
        **(LOCAL_DISK if is_local(settings.lake) else {}),
        **({} if settings.spark_ui else NO_PAGE),
        "spark.sql.shuffle.partitions": str(settings.spark_shuffle_partitions),
        "spark.ui.enabled": str(settings.spark_ui).lower(),
        "spark.scheduler.allocation.file": f"file:{POOLS}",
    }
    if settings.spark_gateway_port is None:  # not under spark-submit, which has its own master, memory and jars
        conf["spark.master"] = settings.spark_master
        conf["spark.driver.memory"] = settings.spark_driver_memory
        conf["spark.jars"] = ",".join(map(str, spark_jars(settings)))
        conf["spark.driver.extraJavaOptions"] = " ".join(_java_options(settings))
        if settings.spark_master.startswith("local"):  # a cluster's executors must reach the driver from outside
            conf["spark.driver.host"] = conf["spark.driver.bindAddress"] = "127.0.0.1"
    return conf


def _java_options(settings: Settings) -> list[str]:
    options = [
        f"-Dlog4j2.configurationFile=file:{LOG4J}",
        "-XX:+UseParallelGC",
        # In any other zone Delta reads a table's whole log at each commit, to see whether it has kept account rightly.
        "-Duser.timezone=UTC",
        # Else a method of over 8,000 bytes is interpreted for ever; one such, in Silver, was an eighth of all the work.
        "-XX:-DontCompileHugeMethods",
        CODE_CACHE,
        *java_options(settings, "spark"),
    ]
    return [*(f'"{option}"' for option in options), settings.spark_java_options]
