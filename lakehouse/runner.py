"""Runs streams until they have caught up or are stopped; tells each batch, and why a stream died."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from threading import Event
from types import FrameType

import click
from py4j.protocol import Py4JError  # type: ignore[import-untyped]
from pyspark.errors import PySparkException
from pyspark.sql.streaming.query import StreamingQuery

from contracts import errors
from contracts.errors import AccessError, ContractError, DataLossError, MaritimeError, UnavailableError
from contracts.settings import Settings, load_settings
from infra import disk
from infra.console import Command, say
from lakehouse.evolution import checkpoint_versions
from lakehouse.evolution.tables import check
from lakehouse.flows import Batch, Flow, Running, start, writing
from lakehouse.ledger import Entry
from lakehouse.lineage.batches import watching
from lakehouse.lineage.emitter import emitting, make_up
from lakehouse.session import spark_session
from lakehouse.spark_gone import told_if_gone
from lakehouse.store import Store
from lakehouse.upkeep.turns import StreamUpkeep, Turns

POLL_SECONDS = 0.2
_STOPPED = "MARITIME_STREAM_STOPPED"
_OWN_ERROR = re.compile(r"contracts\.errors\.(?P<kind>\w+): (?P<sentence>.+)")
"""An error of ours, as Spark hands on what a batch has raised: inside a trace."""

_CAUSES: tuple[tuple[tuple[str, ...], type[MaritimeError], str], ...] = (
    (
        ("KAFKA_DATA_LOSS", "may have been lost", "OffsetOutOfRangeException"),
        DataLossError,
        "records that it has not read are gone from the broker: its topic was deleted or made anew, or they "
        "are older than the topic keeps. Nothing was skipped. Bring the topic back if you can; else "
        "`maritime recover bronze --dry-run` shows what is gone and how the stream goes on from the ledger.",
    ),
    (
        ("SaslAuthenticationException",),
        AccessError,
        "the broker does not know its user with this password. Check MARITIME_KAFKA_USERNAME and "
        "MARITIME_KAFKA_PASSWORD.",
    ),
    (
        ("SslAuthenticationException", "SSLHandshakeException"),
        AccessError,
        "the broker's certificate cannot be trusted: it has expired, is for another host, or is not signed by the "
        "authority that MARITIME_KAFKA_CA_FILE names.",
    ),
    (
        ("TopicAuthorizationException", "GroupAuthorizationException"),
        AccessError,
        "its user may not read this topic in this consumer group. Use a user with that right.",
    ),
    (
        ("UnknownTopicOrPartitionException", "This server does not host this topic-partition"),
        UnavailableError,
        "its topic does not exist on the broker: run `maritime topics create`, then start the stream again.",
    ),
    (
        (
            "org.apache.kafka.common.errors.TimeoutException",
            "Failed to construct kafka",
            "DisconnectException",
        ),
        UnavailableError,
        "the broker did not answer. Bring it back and start the stream again: it goes on where it stopped.",
    ),
    (
        (
            "DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE",
            "DELTA_SOURCE_TABLE_IGNORE_CHANGES",
            "DELTA_SOURCE_IGNORE_DELETE",
        ),
        ContractError,
        "the table that it reads was made anew, or rows were taken from it or changed, and streams read tables that "
        "only grow. `maritime recover silver --dry-run`, or `maritime recover gold --dry-run`, shows how it goes on.",
    ),
)


_AFTER_SPARK = "Batches under way wrote nothing or are whole: start the streams again, they go on where they stopped."


def run_flows(flows: list[Flow], settings: Settings, *, once: bool) -> None:
    """Run streams side by side in one session.

    Args:
        flows: What to run.
        settings: Broker, lake, session.
        once: End when all have read what was there at the start; else run until SIGTERM or Ctrl-C, which let
            the batches under way end, and look after the tables meanwhile.

    Raises:
        LockedError: Another process runs one of them.
        AccessError: The broker refused the login or the right to read, or its certificate is not trusted.
        UnavailableError: The broker, a topic, or Spark's own process is away.
        DataLossError: The broker no longer has records that a stream has yet to read.
        ContractError: A batch does not add up, or a table or checkpoint is not of this program's contract.
    """
    stopping = Event()
    running: list[Running] = []
    turns = Turns({flow.name: flow.tables for flow in flows})
    process = emitting(settings, _process(flows))
    with (
        told_if_gone(_AFTER_SPARK), writing(flows, settings), _stopped_by_signals(stopping), process as emitter,
        outlasting(running),
    ):  # fmt: skip
        for flow in flows:
            checkpoint_versions.check(settings, flow.name, flow.versions)
            for table in flow.tables:
                check(table, f"{settings.lake}/{table.path}")
        for flow in flows:
            if flow.preflight:
                flow.preflight(settings)
        spark = spark_session(settings, "maritimeiq", **own_master(settings))
        spark.sparkContext.setLogLevel("OFF")  # a dead stream is told by us, once, and not by Spark with three traces
        try:
            for flow in flows:
                make_up(settings, flow.name, emitter)
                told = _told(flow, stopping, turns)
                running.append(start(told, spark, settings, once=once, watch=watching(settings, emitter)))
            upkeep = StreamUpkeep(Store(spark, settings.lake), settings, turns)
            _wait([each.query for each in running], stopping, None if once else upkeep)
            _let_end([each.query for each in running], stopping)
            for each in running:
                each.finish()
        except (PySparkException, Py4JError) as error:
            raise in_our_words("The stream", error) from error
        finally:
            _let_end([each.query for each in running], stopping)


def own_master(settings: Settings) -> dict[str, str]:
    """Spark's master for streams on this machine; any other one is left as it is."""
    is_ours = settings.spark_gateway_port is None and settings.spark_master.startswith("local[")
    return {"spark__master": f"local[{settings.stream_threads}]"} if is_ours else {}


def _process(flows: list[Flow]) -> str:
    """A name for the process by what it runs."""
    return "-".join(["stream", *(flow.name for flow in flows)]) if len(flows) < 3 else f"stream-{len(flows)}-flows"


def main(flows: list[Flow]) -> None:
    """Command line of a stream script: ``spark-submit lakehouse/gold.py [--once|--continuous]``."""

    @click.command(cls=Command)
    @click.option("--once/--continuous", default=True, help="Catch up and end (default), or run until stopped.")
    def stream(once: bool) -> None:
        """Run the streams of this file."""
        run_flows(flows, load_settings(), once=once)

    stream()


def _told(flow: Flow, stopping: Event, turns: Turns) -> Flow:
    """The stream: tells each batch, takes turns with the care of its tables, and begins none once it is to stop."""

    def process(store: Store, settings: Settings, batch: Batch) -> Entry:
        with turns.batch(flow.name):
            if stopping.is_set():
                raise InterruptedError(_STOPPED)
            entry = flow.process(store, settings, batch)
        say(_line(entry))
        return entry

    return replace(flow, process=process)


def _line(entry: Entry) -> str:
    seconds = (entry.finished_at - entry.started_at).total_seconds()
    rate = entry.rows_read / seconds if seconds > 0 else 0
    others = {
        "quarantined": entry.rows_quarantined,
        "duplicate": entry.rows_duplicate,
        "late": entry.rows_late,
    }
    outcomes = "".join(f", {count:,} {name}" for name, count in others.items() if count)
    took = f"{entry.rows_read:,} rows in {seconds:.1f} s ({rate:,.0f} rows/s)"
    return f"{entry.stream} batch {entry.batch_id}: {took}, {entry.rows_accepted:,} accepted{outcomes}"


def _wait(queries: list[StreamingQuery], stopping: Event, upkeep: StreamUpkeep | None) -> None:
    """Until all have ended, one has died, or the process is told to stop; tables are looked after meanwhile."""
    while not stopping.wait(POLL_SECONDS):
        active = [query.isActive for query in queries]
        for query in queries:
            error = query.exception()
            if error is not None:
                raise in_our_words(f"The stream {query.name}", error) from error
        if not any(active):
            return
        if upkeep:
            upkeep.tick(stopping)


def _let_end(queries: list[StreamingQuery], stopping: Event) -> None:
    """Let the batches under way end; one begun meanwhile writes nothing and is replayed at the next start."""
    stopping.set()
    pause = Event()
    for query in queries:
        while query.isActive and query.status["isTriggerActive"]:
            pause.wait(POLL_SECONDS)
        query.stop()


def in_our_words(who: str, error: Exception) -> Exception:
    """What happened and what to do, where we know; else the error itself, whose trace is then wanted."""
    text = str(error)
    if own := _OWN_ERROR.search(text):
        kind: type[MaritimeError] = getattr(errors, own["kind"])
        return kind(f"{who} has stopped: {own['sentence']}")
    if disk.is_full(error):
        return disk.full(who)
    for marks, cause, sentence in _CAUSES:
        if any(mark in text for mark in marks):
            return cause(f"{who} has stopped: {sentence}")
    return error


@contextmanager
def outlasting(running: list[Running]) -> Iterator[None]:
    """Leaves when no batch is under way any more, also where Spark is gone and cannot be asked.

    A batch commits by delta-rs in a thread of its own. The locks have to outlast that; and where Python ends under it,
    the process is torn down by a signal instead of ending with what was said.
    """
    try:
        yield
    finally:
        for each in running:
            with each.under_way:
                pass


@contextmanager
def _stopped_by_signals(stopping: Event) -> Iterator[None]:
    """SIGTERM and Ctrl-C ask for a stop while the block runs."""

    def ask(_number: int, _frame: FrameType | None) -> None:
        if not stopping.is_set():
            say("Stopping after the batches under way.")
        stopping.set()

    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    try:
        for number in before:
            signal.signal(number, ask)
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
