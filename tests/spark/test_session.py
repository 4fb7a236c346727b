"""The session that all rooms share."""

from __future__ import annotations

import sys

from pyspark.sql import SparkSession


def test_sparks_workers_run_the_python_that_started_it_and_not_the_first_of_the_path(spark: SparkSession) -> None:
    assert spark.sparkContext.pythonExec == sys.executable
