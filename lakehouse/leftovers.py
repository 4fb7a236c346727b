"""What a process that was killed while it made a table leaves: a folder without a commit, in which Delta makes none."""

from __future__ import annotations

from py4j.java_gateway import JavaObject  # type: ignore[import-untyped]
from pyspark.sql import SparkSession

from lakehouse.upkeep.log import LOG


def clear_leftovers(spark: SparkSession, path: str) -> None:
    """Take away the remains of a creation that was broken off, where there are any.

    Delta takes a folder that is not empty for a table, and ``CREATE TABLE IF NOT EXISTS`` does nothing there: the table
    would be missing for ever. Only what such a creation leaves is deleted: hidden files of the log, and folders once
    they are empty. So whatever another process has made there meanwhile stays; only its own creation may fail, and is
    repeated by its next start.

    Args:
        spark: A session; one of Spark Connect has no file system in reach, and nothing is done.
        path: Folder or URI of a table that does not exist.
    """
    if not isinstance(spark, SparkSession):  # as that of Spark Connect is
        return
    files = _files(spark, path)
    log = _path(spark, f"{path}/{LOG}")
    if not files.exists(log):
        return
    for found in files.listStatus(log):
        if found.isFile() and found.getPath().getName().startswith("."):
            files.delete(found.getPath(), False)
    for folder in (f"{path}/{LOG}/_staged_commits", f"{path}/{LOG}", path):
        place = _path(spark, folder)
        if files.exists(place) and not len(files.listStatus(place)):
            files.delete(place, False)


def _path(spark: SparkSession, name: str) -> JavaObject:
    jvm = spark._jvm
    assert jvm is not None  # only Spark Connect has none
    return jvm.org.apache.hadoop.fs.Path(name)


def _files(spark: SparkSession, path: str) -> JavaObject:
    """Hadoop's file system of a path: a folder of this machine, or a store of objects."""
    return _path(spark, path).getFileSystem(spark._jsparkSession.sessionState().newHadoopConf())
