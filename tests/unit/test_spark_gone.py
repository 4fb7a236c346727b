"""Spark's process that ends under a program: one sentence, and no batch under way is left to itself."""

from __future__ import annotations

import subprocess
import sys
from threading import Event, Lock, Thread
from types import SimpleNamespace
from typing import cast

import pytest
from py4j.protocol import Py4JError, Py4JJavaError, Py4JNetworkError  # type: ignore[import-untyped]
from pyspark import SparkContext

from contracts.errors import UnavailableError
from lakehouse.flows import Running
from lakehouse.runner import outlasting
from lakehouse.spark_gone import told_if_gone


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(111, "Connection refused"),
        ConnectionResetError(104, "Connection reset by peer"),
        Py4JNetworkError("Error while sending or receiving"),
        Py4JError("An error occurred while calling o126.isActive"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_whatever_py4j_raises_of_a_dead_spark_is_told_in_one_sentence(error: Exception) -> None:
    with pytest.raises(UnavailableError, match=r"ended by itself.*Start again\."), told_if_gone("Start again."):
        raise error


def test_an_error_of_java_is_not_taken_for_its_death() -> None:
    gateway = SimpleNamespace(_gateway_client=None)
    thrown = Py4JJavaError("in a task", SimpleNamespace(_target_id="o1", _gateway_client=gateway))

    with pytest.raises(Py4JJavaError), told_if_gone("Start again."):
        raise thrown


@pytest.mark.parametrize(
    "answered",
    [
        "An error occurred while calling o126.nothing. Trace:\npy4j.Py4JException: Method nothing([]) does not exist\n",
        "org.apache.spark.Nothing does not exist in the JVM",
    ],
    ids=["no such method", "no such class"],
)
def test_an_answer_of_java_to_a_wrong_question_is_not_taken_for_its_death(answered: str) -> None:
    with pytest.raises(Py4JError, match="does not exist"), told_if_gone("Start again."):
        raise Py4JError(answered)


def test_a_name_that_is_not_found_because_java_has_ended_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        monkeypatch.setattr(SparkContext, "_gateway", SimpleNamespace(proc=ended))
        with pytest.raises(UnavailableError, match="ended by itself"), told_if_gone("Start again."):
            raise Py4JError("org does not exist in the JVM")


def test_a_process_outlasts_the_batch_under_way_when_spark_is_gone() -> None:
    under_way, begun, may_end, left = Lock(), Event(), Event(), Event()

    def batch() -> None:
        with under_way:
            begun.set()
            may_end.wait()

    def process() -> None:
        with pytest.raises(ConnectionError), outlasting([cast("Running", SimpleNamespace(under_way=under_way))]):
            raise ConnectionRefusedError
        left.set()

    threads = [Thread(target=batch), Thread(target=process)]
    threads[0].start()
    begun.wait()
    threads[1].start()
    assert not left.wait(0.2)
    may_end.set()
    for thread in threads:
        thread.join()
    assert left.is_set()
