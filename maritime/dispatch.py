"""``maritime dispatch``: alerts from Kafka to a webhook or a log."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import cast

import click
from confluent_kafka import Producer
from rich.markup import escape

from consumers.dispatch.breaker import Breaker, Condition, State
from consumers.dispatch.dead_letters import DeadLetters, Wire
from consumers.dispatch.dispatcher import Dispatcher, Outcome, Policy
from consumers.dispatch.journal import Journal, journal_file
from consumers.dispatch.reader import Reader
from consumers.dispatch.sinks import LogSink, Sink
from consumers.dispatch.status import DispatchStatus, condition_of
from consumers.dispatch.webhook import WebhookSink, webhook_of
from contracts.errors import MaritimeError
from contracts.settings import Settings, load_settings
from contracts.topics import ALERTS, CONSUMER_GROUP
from infra.console import Command, json_option, log, out, print_facts, print_json, print_table
from infra.interrupts import interrupts
from infra.kafka import producer_config
from infra.topics import check_topics


@click.command(cls=Command)
@click.option("--sink", type=click.Choice(["log", "webhook"]), default="log", show_default=True, help="Where to.")
@click.option("--once", is_flag=True, help="Dispatch what is there and end; without it, until Ctrl-C.")
@click.option("--skip-lost", is_flag=True, help="Where unread alerts are gone from Kafka, go on at the oldest left.")
@json_option
def dispatch(sink: str, once: bool, skip_lost: bool, as_json: bool) -> None:
    """Take each alert of `maritime.alerts` to a webhook or a log, once.

    An alert's offset is committed after its effect. What fails is tried again; what cannot be delivered goes to
    `maritime.alerts.dlq` with its reason. While the sink is away, alerts wait in Kafka. Start it twice and the
    partitions are shared. The log is `dispatch/alerts.jsonl` in the home.
    """
    settings = load_settings()
    goal = sink_of(settings, sink)
    check_topics(settings)
    with interrupts() as stopped, _dispatcher(settings, goal, stopped, skip_lost=skip_lost) as dispatcher:
        try:
            dispatcher.run(once=once)
        finally:
            _report(goal, dispatcher.outcome, as_json=as_json)
    if not dispatcher.outcome.identity_holds:
        raise MaritimeError("The account does not add up: read is not delivered + already done + dead + left.")


def sink_of(settings: Settings, name: str) -> Sink:
    """The sink of that name, its settings checked.

    Raises:
        ConfigurationError: The webhook's settings are missing or unlawful, or it leads where it may not.
    """
    if name == "webhook":
        sink = WebhookSink(webhook_of(settings))
        sink.check()
        return sink
    return LogSink(settings.home.absolute() / "dispatch" / "alerts.jsonl")


@contextmanager
def _dispatcher(
    settings: Settings, sink: Sink, stopped: Callable[[], bool], *, skip_lost: bool
) -> Iterator[Dispatcher]:
    """A dispatcher with all its parts; the journal is closed in the end."""
    journal = Journal(journal_file(settings))
    producer = Producer({**producer_config(settings), "log_level": 0})
    breaker = Breaker(
        settings.dispatch_breaker_failures,
        settings.dispatch_breaker_pause_seconds,
        on_change=lambda before, now: _tell_change(before, now, settings.dispatch_breaker_pause_seconds),
    )
    policy = Policy(
        settings.dispatch_attempts,
        settings.dispatch_backoff_seconds,
        settings.dispatch_hold_hours * 3600,
        settings.crash_at,
    )
    try:
        yield Dispatcher(
            f"{socket.gethostname()}:{os.getpid()}",
            Reader(settings, ALERTS, CONSUMER_GROUP, log, skip_lost=skip_lost),
            sink,
            journal,
            DeadLetters(cast("Wire", producer), ALERTS, settings.broker_away_seconds),
            breaker,
            policy,
            stopped=stopped,
        )
    finally:
        journal.close()


def print_dispatch(found: DispatchStatus) -> None:
    """Dispatchers and waiting alerts for people; nothing where nobody has ever dispatched."""
    if not found.is_used:
        return
    now = datetime.now(UTC)
    rows = [
        (
            m.member,
            condition_of(m, now),
            m.sink,
            m.breaker.state.value,
            f"{m.breaker.since:%F %T}",
            m.breaker.failures,
            escape(m.breaker.last_error) or None,
        )
        for m in found.members
    ]
    print_table("Dispatch", ["dispatcher", "is", "sink", "breaker", "since", "failures", "last error"], rows)
    partitions = [(p.partition, p.committed, p.end, p.lag_records) for p in found.partitions]
    print_table(f"Group {CONSUMER_GROUP}", ["partition", "committed", "end", "lag records"], partitions)


def _tell_change(before: Condition, now: Condition, pause_seconds: float) -> None:
    """One line for each change of the breaker."""
    why = {
        State.OPEN: f" after {now.failures} failures in a row ({now.last_error}); alerts wait, "
        f"next probe in {pause_seconds:g} s",
        State.HALF_OPEN: "; one alert goes as a probe",
        State.CLOSED: "; the sink works again",
    }[now.state]
    log(f"breaker {before.state.value} -> {now.state.value}{why}")


def _report(sink: Sink, outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print_json({"sink": sink.name, **outcome.as_json()})
        return
    out.print(f"Dispatched to {sink.name}", highlight=False)
    print_facts(
        {
            "read": outcome.read,
            "delivered": outcome.delivered,
            "already done": outcome.already_done,
            f"dead letters, to {ALERTS.dead_letter.name}": outcome.dead_letters.total(),
            "left for the next start": outcome.left,
            "failed attempts": outcome.failed_attempts,
        }
    )
    if outcome.dead_letters:
        print_table("Dead letters", ["reason", "records"], outcome.dead_letters.most_common())
