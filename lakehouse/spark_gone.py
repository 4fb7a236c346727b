"""Spark's own process ended under this program: killed, or short of memory. Told in one sentence, with what to do."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from py4j.protocol import Py4JError, Py4JJavaError  # type: ignore[import-untyped]

from contracts.errors import UnavailableError

_GONE = (
    "The process of Spark has ended by itself: it was killed, or was short of memory (MARITIME_SPARK_DRIVER_MEMORY)."
)


@contextmanager
def told_if_gone(what_now: str) -> Iterator[None]:
    """Names what happened where nothing can be asked of Spark any more, nor stopped.

    What py4j raises then depends on the moment: no connection where it begins one, its own error where an answer was
    under way. Only an error that Java itself has thrown comes from a Spark that lives.

    Args:
        what_now: What has become of the work, and what to do.

    Raises:
        UnavailableError: Spark's process is gone.
    """
    logging.getLogger("py4j").setLevel(logging.CRITICAL)  # it would tell each broken connection with a trace,
    logging.getLogger().addFilter(_is_not_of_py4j)  # partly in the name of the root logger
    try:
        yield
    except Py4JJavaError:
        raise
    except (ConnectionError, Py4JError) as error:
        raise UnavailableError(f"{_GONE} {what_now}") from error


def _is_not_of_py4j(record: logging.LogRecord) -> bool:
    return "py4j" not in record.pathname
