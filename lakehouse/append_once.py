"""An append that carries a transaction, without Delta's replay of the whole log to look for it.

Delta's own ``txnAppId`` makes each append read the table's state anew only to learn the last transaction: two thirds of
the time of an append of 7,000 rows. The log knows it as well, for which delta-rs reads only what is new. All else is
Delta's: it writes the files, and refuses the commit when another one with the same transaction came in between. It has
no public way for this: what is called here is inside delta-spark, whose version is locked (docs/decisions/0010).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from py4j.java_gateway import JavaClass, JavaObject, JVMView  # type: ignore[import-untyped]
from pyspark.sql import DataFrame


def append_once(
    rows: DataFrame, path: str, app_id: str, version: int, metadata: str, last: Callable[[], int | None]
) -> None:
    """Append rows to the table in one commit with a transaction, unless one as high was committed.

    Args:
        rows: What to append, in a session that has its JVM in reach.
        path: Folder or URI of the table.
        app_id: Name of the transaction.
        version: Its number; grows from append to append.
        metadata: The commit's ``userMetadata``.
        last: Reads the last number committed under the name, null when none. Called once the transaction has begun:
            a commit that comes later than the look makes Delta refuse this one.

    Raises:
        ConcurrentTransactionException: Another commit with this ``app_id`` came in between.
    """
    jvm: JVMView = rows.sparkSession._jvm
    session = rows.sparkSession._jsparkSession
    log = _delta(jvm, "DeltaLog").forTable(session, path)
    transaction = log.startTransaction()
    transaction.readTxn().addOne(app_id)
    committed = last()
    if committed is not None and committed >= version:
        return
    options = {"txnAppId": app_id, "txnVersion": str(version), "userMetadata": metadata}
    written = _write(jvm, log, rows, options).writeAndReturnCommitData(transaction, session, _none(jvm), False)
    transaction.commitIfNeeded(written.actions(), _operation(jvm, metadata), written.stringTags())


def _write(jvm: JVMView, log: JavaObject, rows: DataFrame, options: Mapping[str, str]) -> JavaObject:
    conf = rows.sparkSession._jsparkSession.sessionState().conf()
    told = _delta(jvm, "DeltaOptions")(jvm.PythonUtils.toScalaMap(dict(options)), conf)
    by, configuration = jvm.PythonUtils.toSeq([]), jvm.PythonUtils.toScalaMap({})
    return _delta(jvm, "commands.WriteIntoDelta")(
        log, _append(jvm), told, by, configuration, rows._jdf, _none(jvm), _none(jvm), False
    )


def _operation(jvm: JVMView, metadata: str) -> JavaObject:
    """What the log says that was done, as of any append."""
    some, none = getattr(jvm, "scala.Option").apply, _none(jvm)
    write = _delta(jvm, "DeltaOperations$Write")
    return write(_append(jvm), some(jvm.PythonUtils.toSeq([])), none, some(metadata), none, none, none, none, none)


def _append(jvm: JVMView) -> JavaObject:
    return getattr(jvm, "org.apache.spark.sql.SaveMode").Append


def _none(jvm: JVMView) -> JavaObject:
    return getattr(jvm, "scala.Option").empty()


def _delta(jvm: JVMView, name: str) -> JavaClass:
    """A class by its whole name: asked for package by package, Java looks for a class at each, in every jar."""
    return getattr(jvm, f"org.apache.spark.sql.delta.{name}")
