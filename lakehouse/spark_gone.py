"""Spark's own process ended under this program: killed, or short of memory. Told in one sentence, with what to do."""

from __future__ import annotations

import logging
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JError, Py4JJavaError, Py4JNetworkError  # type: ignore[import-untyped]
from pyspark import SparkContext

from contracts.errors import UnavailableError

ENDS_WITHIN_SECONDS = 2.0
_GONE = (
    "The process of Spark has ended by itself: it was killed, or was short of memory (MARITIME_SPARK_DRIVER_MEMORY)."
)


@contextmanager
def told_if_gone(what_now: str) -> Iterator[None]:
    """Names what happened where nothing can be asked of Spark any more, nor stopped.

    What py4j raises then depends on the moment: no connection where it begins one, its own errors where an answer was
    under way. Whatever Java itself has answered comes from a Spark that lives, and keeps its trace.

    Args:
        what_now: What has become of the work, and what to do.

    Raises:
        UnavailableError: Spark's process is gone.
    """
    logging.getLogger("py4j").setLevel(logging.CRITICAL)  # it would tell each broken connection with a trace,
    logging.getLogger().addFilter(_is_not_of_py4j)  # partly in the name of the root logger
    try:
        yield
    except (ConnectionError, Py4JError) as error:
        if not _is_of_gone(error):
            raise
        raise UnavailableError(f"{_GONE} {what_now}") from error


def _is_of_gone(error: Exception) -> bool:
    if isinstance(error, Py4JJavaError):  # its text is asked of Java
        return False
    if isinstance(error, ConnectionError | Py4JNetworkError):
        return True
    text = str(error)
    if "Trace:" in text:
        return False
    return text.startswith("An error occurred while calling ") or _has_ended()


def _has_ended() -> bool:
    """Whether Java's process ends; that there is no such name in it, py4j says of a dead one as well."""
    process = getattr(SparkContext._gateway, "proc", None)
    if process is None:
        return False
    try:
        process.wait(ENDS_WITHIN_SECONDS)
    except subprocess.TimeoutExpired:
        return False
    return True


def _is_not_of_py4j(record: logging.LogRecord) -> bool:
    return "py4j" not in record.pathname
