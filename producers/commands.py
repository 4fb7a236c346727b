"""``maritime produce``: the commands that publish a feed to a topic."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import click
from confluent_kafka import Producer

from contracts.errors import ConfigurationError, InputError, MaritimeError
from contracts.settings import Settings, load_settings
from contracts.topics import AIS, ALERTS, SENSORS, VOYAGE_EVENTS, Topic
from infra.console import (
    Command,
    Group,
    json_option,
    out,
    print_facts,
    print_json,
    print_table,
    progress,
    say,
)
from infra.interrupts import interrupts
from infra.kafka import producer_config
from infra.security.refusals import Watch
from infra.topics import create_topics
from lakehouse.evolution.events import admit
from producers.account import Account
from producers.feeds import FEEDS
from producers.heartbeat import Heartbeat
from producers.lines import is_live
from producers.positions import Position, load, position_file
from producers.publisher import Publisher, Wire
from producers.replay import parse_speed
from producers.run import Outcome, Plan, Run

SHOWN_EVERY_SECONDS = 0.25


@click.group(cls=Group)
def produce() -> None:
    """Publish feeds to Kafka: AIS, sensors, alerts, voyage events."""


def _command(name: str, topic: Topic, title: str, example: str) -> None:
    formats = [key for key, feed in FEEDS.items() if topic in feed.topics]
    about = "\n".join(f"  {key:<13} {FEEDS[key].about}" for key in formats)
    text = (
        f"Publish {title} to `{topic.name}`.\n\nPATH is a file, `-` for standard input, tcp://host:port or "
        f"udp://host:port.\n\n\b\nFormats:\n{about}\n\n\b\nExample:\n  {example}"
    )

    @produce.command(name, cls=Command, help=text, short_help=f"Publish {title}.")
    @click.option("--from", "format_name", required=True, type=click.Choice(formats), help="Format of the feed.")
    @click.argument("paths", nargs=-1, required=True, metavar="PATH_OR_URL...")
    @click.option("--source", help="Name of the feed in every event; unset: the format's own.")
    @click.option("--speed", default="max", show_default=True, help="`max`, or times real speed: 1x, 60x.")
    @click.option("--limit", type=click.IntRange(min=1), help="Stop after so many records.")
    @click.option("--loop", is_flag=True, help="Begin again at the end, until Ctrl-C.")
    @click.option("--shift-to-now", is_flag=True, help="Move all event times so that the first event is now.")
    @click.option("--assume-start", metavar="INSTANT", help="Time of AIS messages before the feed tells any.")
    @click.option("--mmsi", type=click.IntRange(0, 999_999_999), help="Ship that the sensor sentences come from.")
    @click.option("--station", help="Name of the receiver or sensor station, where the feed tells none.")
    @click.option("--resume", is_flag=True, help="Go on where the last run of this feed stopped.")
    @json_option
    def command(**options: Any) -> None:  # noqa: ANN401  click's own options
        run_command(topic, **options)


_command(
    "ais",
    AIS,
    "AIS position and static reports",
    "maritime produce ais --from noaa AIS_2022_01_03.zip --speed 60x",
)
_command("sensors", SENSORS, "sensor readings", "maritime produce sensors --from ndbc 46002h2016.txt.gz")
_command("alerts", ALERTS, "alerts", "maritime produce alerts --from events alerts.jsonl")
_command(
    "voyages",
    VOYAGE_EVENTS,
    "voyage events and fuel reports",
    "maritime produce voyages --from twin var/twin",
)


def run_command(
    topic: Topic,
    *,
    format_name: str,
    paths: tuple[str, ...],
    resume: bool,
    as_json: bool,
    **options: Any,  # noqa: ANN401  click's own options
) -> None:
    """Carry out one ``produce`` command and print what became of every record.

    Raises:
        MaritimeError: One sentence for the operator; the summary is printed before.
    """
    settings = load_settings()
    start = Position(format_name, topic.name, _files(format_name, topic, paths))
    file = position_file(settings.home, start)
    if resume:
        start = load(file, start)
        say(f"resuming {start.path} after line {start.line:,}")
    plan = _plan(topic, format_name, start, options)
    admit(settings, topic)
    create_topics(settings)
    account = Account.begin(settings, topic)
    heartbeat = _heartbeat(settings, plan)
    with interrupts() as stopped, _display() as tick:
        publisher = _publisher(settings, plan)
        run = Run(plan, publisher, file, stopped=stopped, notify=say, tick=tick, heartbeat=heartbeat)
        error = _carried_out(run)
    if heartbeat:
        heartbeat.end(str(error) if error else None)
    _report(topic, run.outcome, as_json=as_json)
    account.end(run.outcome.delivered, run.outcome.dead_letters)
    if error is not None:
        raise _with_position(error, run.outcome)
    if not run.outcome.identity_holds:
        raise MaritimeError("The account does not add up: read is not delivered + rejected.")


def _carried_out(run: Run) -> MaritimeError | None:
    try:
        run()
    except MaritimeError as error:
        return error
    return None


def _with_position(error: MaritimeError, outcome: Outcome) -> MaritimeError:
    if outcome.position is None:
        return error
    at = f"line {outcome.position.line:,} of {outcome.position.path}"
    return type(error)(f"{error} Delivered up to {at}; go on from there with --resume.")


def _files(format_name: str, topic: Topic, paths: tuple[str, ...]) -> tuple[str, ...]:
    """The inputs, each of which exists; for a folder format the topic's file in it."""
    names = []
    for path in paths:
        if is_live(path):
            names.append(path)
            continue
        file = Path(path)
        if FEEDS[format_name].files and file.is_dir():
            file /= FEEDS[format_name].files[topic]
        if not file.is_file():
            raise InputError(f"{file} does not exist or is not a file.")
        names.append(str(file.absolute()))
    return tuple(names)


def _plan(topic: Topic, format_name: str, start: Position, options: dict[str, Any]) -> Plan:
    feed = FEEDS[format_name]
    speed, assumed, source = options.pop("speed"), options.pop("assume_start"), options.pop("source")
    if options["loop"] and any(is_live(path) for path in start.paths):
        raise ConfigurationError("--loop needs files: a live feed cannot begin again.")
    return Plan(
        feed,
        format_name,
        topic,
        start,
        source=feed.source if source is None else source,
        speed=parse_speed(speed),
        assume_start_ms=instant_ms(assumed) if assumed else None,
        **options,
    )


def instant_ms(text: str) -> int:
    """The instant of ``--assume-start`` as epoch milliseconds; UTC where it names no zone.

    Raises:
        ConfigurationError: It is none.
    """
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise ConfigurationError(f"--assume-start {text}: give an instant such as 2012-01-27T00:00:00Z.") from error
    return int((instant if instant.tzinfo else instant.replace(tzinfo=UTC)).timestamp() * 1000)


def _heartbeat(settings: Settings, plan: Plan) -> Heartbeat | None:
    """Of a live feed only: a file says nothing of itself by falling silent."""
    if not any(is_live(path) for path in plan.start.paths):
        return None
    return Heartbeat(settings.home, plan.source, plan.topic, plan.start.paths, settings.heartbeat_seconds)


def _publisher(settings: Settings, plan: Plan) -> Publisher:
    watch = Watch.of(settings, "producer")
    wire = Producer({**producer_config(settings), "error_cb": watch, "log_level": 0})
    return Publisher(
        cast("Wire", wire),
        plan.topic,
        format_name=plan.format,
        source=plan.source,
        away_seconds=settings.broker_away_seconds,
        notify=say,
        watch=watch,
    )


@contextmanager
def _display() -> Iterator[Callable[[Outcome], None]]:
    """Progress on stderr: records, rate, rejected, lag behind the replay clock."""
    with progress() as bar:
        task = bar.add_task("reading", total=None)
        shown_at = 0.0

        def tick(outcome: Outcome) -> None:
            nonlocal shown_at
            if time.monotonic() - shown_at < SHOWN_EVERY_SECONDS:
                return
            shown_at = time.monotonic()
            rate = outcome.read / outcome.seconds if outcome.seconds else 0
            lag = "" if outcome.lag_seconds is None else f", {outcome.lag_seconds:.1f} s behind the clock"
            text = f"{outcome.read:,} read, {rate:,.0f}/s, {outcome.rejected.total():,} rejected{lag}"
            bar.update(task, description=text)

        yield tick


def _report(topic: Topic, outcome: Outcome, *, as_json: bool) -> None:
    if as_json:
        print_json({"topic": topic.name, **outcome.as_json()})
        return
    rate = outcome.read / outcome.seconds if outcome.seconds else 0.0
    facts: dict[str, object] = {
        "read": outcome.read,
        "delivered": outcome.delivered,
        f"rejected, to {topic.dead_letter.name}": outcome.dead_letters,
        "records per second": round(rate),
    }
    if outcome.position:
        facts["delivered up to"] = f"line {outcome.position.line:,} of {Path(outcome.position.path).name}"
    out.print(f"Published to {topic.name}" + (" (stopped)" if outcome.was_stopped else ""), highlight=False)
    print_facts(facts)
    if outcome.rejected:
        rows = outcome.rejected.most_common()
        print_table("Rejected", ["reason", "records"], rows)
    if outcome.ignored:
        print_table("Ignored", ["no record of ours", "lines"], outcome.ignored.most_common())
