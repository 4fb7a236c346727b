"""The session that all rooms share."""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession


def test_sparks_workers_run_the_python_that_started_it_and_not_the_first_of_the_path(spark: SparkSession) -> None:
    assert spark.sparkContext.pythonExec == sys.executable


def test_java_is_in_utc_in_whatever_zone_the_machine_is(spark: SparkSession) -> None:
    """A machine may be in `Etc/UTC`, as Java calls it; ours is told."""
    assert spark._jvm is not None
    assert spark._jvm.java.util.TimeZone.getDefault().getID() == "UTC"
