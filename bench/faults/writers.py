"""Two writers of one table, forced to commit at the same instant; with the single-writer lock and without it.

As a program (``python -m bench.faults.writers LAKE NAME``) it is one of the two writers: it reads a line for each
append, ``lock NUMBER`` or ``bare NUMBER``, and answers ``done`` or ``refused``.
"""

from __future__ import annotations

import subprocess
import sys
from contextlib import ExitStack, nullcontext
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

import deltalake
from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException

from bench.faults.cells import Outcome
from bench.faults.schedule import Cell
from contracts.errors import LockedError, UnavailableError
from contracts.settings import Settings
from contracts.tables import SILVER_ALERTS
from infra.lock import single_writer
from lakehouse.schema import spark_schema
from lakehouse.session import spark_session
from lakehouse.store import Store

RACES = 10
BEFORE_RENAME_US = 300_000
"""A commit on a local disk looks whether its file is there and then renames: so long after that look comes the name."""
NAMES = ("a", "b")


def two_writers(cell: Cell, home: Path) -> Outcome:
    """Races under the lock must keep every row that was acknowledged; races without it must lose some."""
    home.mkdir(parents=True)
    lake = home / "lake"
    kept: dict[str, set[str]] = {}
    with ExitStack() as running:
        writers = []
        for name in NAMES:  # one after the other: the first creates the table
            writers.append(running.enter_context(_writer(lake, name)))
            _answer(writers[-1])
        for how in ("lock", "bare"):
            kept[how] = {row for number in range(RACES) for row in _race(writers, how, number)}
    rows = deltalake.DeltaTable(f"{lake}/{SILVER_ALERTS.path}").to_pyarrow_table(columns=["event_id"])
    found: list[str] = rows["event_id"].to_pylist()
    return Outcome(cell, wrong=tuple(wrong_of(kept, found)))


def wrong_of(kept: dict[str, set[str]], found: list[str]) -> list[str]:
    """What the races showed that must not be: ``kept`` was acknowledged under the lock and bare, ``found`` is there."""
    lost = {how: len(rows - set(found)) for how, rows in kept.items()}
    wrong = [] if len(found) == len(set(found)) else ["a row is there twice"]
    if lost["lock"]:
        wrong.append(f"{lost['lock']} of {len(kept['lock'])} acknowledged rows lost under the lock")
    if len(kept["lock"]) < RACES:
        wrong.append(f"only {len(kept['lock'])} of {RACES} races under the lock had a winner")
    if not lost["bare"]:
        wrong.append("without the lock nothing was lost: the race is not forced")
    return wrong


def _writer(lake: Path, name: str) -> subprocess.Popen[str]:
    inject = ["-e", "trace=rename", "-e", f"inject=rename:delay_enter={BEFORE_RENAME_US}"]
    trace = ["strace", "-f", "-q", "--seccomp-bpf", "-o", "/dev/null", *inject]
    with (lake.parent / f"writer-{name}.log").open("wb") as log:
        return subprocess.Popen(
            [*trace, sys.executable, "-m", "bench.faults.writers", str(lake), name],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log, text=True,
        )  # fmt: skip


def _race(writers: list[subprocess.Popen[str]], how: str, number: int) -> list[str]:
    """One append of each at once; the rows that were acknowledged."""
    for writer in writers:
        assert writer.stdin is not None
        writer.stdin.write(f"{how} {number}\n")
        writer.stdin.flush()
    answers = [_answer(writer) for writer in writers]
    return [_row(name, how, number) for name, answer in zip(NAMES, answers, strict=True) if answer == "done"]


def _answer(writer: subprocess.Popen[str]) -> str:
    assert writer.stdout is not None
    line = writer.stdout.readline()
    if not line:
        raise UnavailableError("A writer of the race ended by itself.")
    return line.strip()


def _row(name: str, how: str, number: int) -> str:
    return f"{name} {how} {number}"


def _serve(lake: str, name: str, orders: IO[str]) -> None:
    """One writer: an append for each line, acknowledged when Delta has acknowledged it."""
    settings = Settings(home=Path(lake).parent, spark_master="local[1]", spark_driver_memory="1g")
    store = Store(spark_session(settings, "writer"), lake)
    store.create(SILVER_ALERTS)
    _append(store, _row(name, "first", 0))  # what is slow the first time
    print("ready", flush=True)
    for order in orders:
        how, number = order.split()
        lock = single_writer(settings.home / "locks", SILVER_ALERTS.name) if how == "lock" else nullcontext()
        try:
            with lock:
                _append(store, _row(name, how, int(number)))
            print("done", flush=True)
        except (LockedError, PySparkException, Py4JError) as error:  # not acknowledged, so nothing is promised
            print("refused", flush=True)
            print(f"{order.strip()}: {str(error)[:500]}", file=sys.stderr, flush=True)


def _append(store: Store, event_id: str) -> None:
    now = datetime.now(UTC)
    values = {"mmsi": 235_000_000, "observed_at": now, "observed_on": now.date(), "event_id": event_id}
    row = tuple(values.get(column) for column in SILVER_ALERTS.columns)
    store.append(SILVER_ALERTS, store.spark.createDataFrame([row], spark_schema(SILVER_ALERTS)).coalesce(1))


if __name__ == "__main__":
    _serve(sys.argv[1], sys.argv[2], sys.stdin)
