"""``maritime dlq``: what producers refused and why, and sending it after a reader was corrected."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import cast

import click
from confluent_kafka import Producer

from contracts.settings import Settings, load_settings
from contracts.topics import TOPICS, Topic, topic_named
from infra.console import Group, json_option, out, print_json, print_table, say
from infra.kafka import producer_config
from infra.lock import single_writer
from infra.raw_text import readable
from infra.security.refusals import Watch
from producers.commands import instant_ms
from producers.dead_letter_topics import DeadLetters, Outcome, dead_letters, replay
from producers.dead_letters import DeadLetter
from producers.publisher import Publisher, Wire

topic_option = click.option("--topic", "short", type=click.Choice([t.short for t in TOPICS]), help="Only this topic.")


@click.group("dlq", cls=Group)
def dlq() -> None:
    """See which records the producers refused and why; send them after a reader was corrected."""


@dlq.command("list")
@topic_option
@json_option
def list_command(short: str | None, as_json: bool) -> None:
    """Count dead letters by topic, format and reason; open are those that no replay has passed."""
    settings, rows = load_settings(), list[dict[str, object]]()
    for topic in _topics(short):
        with dead_letters(settings, topic) as letters:
            rows += _counts(topic, letters)
    if as_json:
        print_json({"dead_letters": rows})
        return
    names = ("topic", "format", "reason", "letters", "open", "first_seen_at", "last_seen_at")
    shown = [[_instant(row[name]) if name.endswith("_at") else row[name] for name in names] for row in rows]
    print_table("Dead letters", ("topic", "format", "reason", "letters", "open", "first seen", "last seen"), shown)


@dlq.command("show")
@topic_option
@click.option("--reason", help="Only letters with this reason.")
@click.option("--limit", default=10, show_default=True, type=click.IntRange(min=1), help="Most letters shown.")
@json_option
def show(short: str | None, reason: str | None, limit: int, as_json: bool) -> None:
    """Show dead letters, oldest first: place, reason, line of the feed, and their bytes as text.

    What is not text is shown as an escape; --json has all bytes, as base64.
    """
    found = list(_chosen(load_settings(), short, reason, limit))
    if as_json:
        print_json({"dead_letters": [_as_json(letter) for letter in found]})
        return
    for letter in found:
        line = f"{letter.source} line {letter.line_number}"
        text = f"{letter.place}  {letter.reason}  {line}  {letter.published_at:%F %T}  {letter.size_bytes:,} bytes"
        out.print(text, highlight=False, markup=False)
        click.echo(f"  {readable(letter.raw)}")


@dlq.command("replay")
@topic_option
@click.option("--dry-run", is_flag=True, help="Tell what would be sent, and send nothing.")
@click.option("--again", "is_again", is_flag=True, help="Begin at the first letter, also those passed before.")
@click.option("--assume-start", metavar="INSTANT", help="Time of AIS messages that tell none.")
@json_option
def replay_command(short: str | None, dry_run: bool, is_again: bool, assume_start: str | None, as_json: bool) -> None:
    """Read dead letters by today's readers and publish the events in them; a second replay sends nothing.

    Events have the ids that their feed would have given them, so that one sent twice is known as a repeat. A letter
    that is still refused stays where it is: --again takes it once more, after the next correction.

    Raises:
        LockedError: Another replay runs.
        UnavailableError: The broker did not answer; what was acknowledged is passed, the rest is still open.
    """
    settings = load_settings()
    start_ms = instant_ms(assume_start) if assume_start else None
    outcomes = []
    with single_writer(Path(settings.home) / "locks", "dead-letter-replay"):
        for topic in _topics(short):
            with dead_letters(settings, topic) as letters:
                publisher = None if dry_run else _publisher(settings, topic)
                outcomes.append(replay(letters, topic, publisher, is_again=is_again, assume_start_ms=start_ms))
    if as_json:
        print_json({"dry_run": dry_run, "topics": [asdict(outcome) for outcome in outcomes]})
    else:
        _print(outcomes, dry_run=dry_run)


def _print(outcomes: list[Outcome], *, dry_run: bool) -> None:
    rows = [(o.topic, o.letters, o.published_letters, o.events, o.refused.total()) for o in outcomes if o.letters]
    if not rows:
        say("No dead letter is open.")
        return
    sent = "would be sent" if dry_run else "sent"
    title = "Would be replayed (nothing was sent)" if dry_run else "Replayed"
    print_table(title, ("topic", "letters read", sent, "events in them", "still refused"), rows)
    reasons = [(o.topic, reason, count) for o in outcomes for reason, count in o.refused.most_common()]
    if reasons:
        print_table("Still refused", ("topic", "reason", "letters"), reasons)


def _counts(topic: Topic, letters: DeadLetters) -> list[dict[str, object]]:
    open_from = {span.partition: span.replayed_to for span in letters.spans()}
    counts, still_open = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    seen: dict[tuple[str, str], tuple[object, object]] = {}
    for letter in letters.read(is_open=False):
        kind = (letter.format, letter.reason)
        counts[kind] += 1
        still_open[kind] += letter.offset >= open_from[letter.partition]
        seen[kind] = (seen.get(kind, (letter.published_at, None))[0], letter.published_at)
    return [
        {
            "topic": topic.dead_letter.name,
            "format": kind[0],
            "reason": kind[1],
            "letters": count,
            "open": still_open[kind],
            "first_seen_at": seen[kind][0],
            "last_seen_at": seen[kind][1],
        }
        for kind, count in counts.most_common()
    ]


def _chosen(settings: Settings, short: str | None, reason: str | None, limit: int) -> Iterator[DeadLetter]:
    left = limit
    for topic in _topics(short):
        with dead_letters(settings, topic) as letters:
            for letter in letters.read(is_open=False):
                if left and reason in (None, letter.reason):
                    left -= 1
                    yield letter
                if not left:
                    return


def _publisher(settings: Settings, topic: Topic) -> Publisher:
    watch = Watch.of(settings, "producer")
    wire = Producer({**producer_config(settings), "error_cb": watch, "log_level": 0})
    away = settings.broker_away_seconds
    return Publisher(
        cast("Wire", wire), topic, format_name="dlq", source="", away_seconds=away, notify=say, watch=watch
    )


def _topics(short: str | None) -> tuple[Topic, ...]:
    return (topic_named(short),) if short else TOPICS


def _as_json(letter: DeadLetter) -> dict[str, object]:
    return {
        "topic": letter.topic.dead_letter.name,
        "partition": letter.partition,
        "offset": letter.offset,
        "published_at": letter.published_at,
        "reason": letter.reason,
        "source": letter.source,
        "format": letter.format,
        "line_number": letter.line_number,
        "size_bytes": letter.size_bytes,
        "text": readable(letter.raw),
        "value_base64": base64.b64encode(letter.raw).decode(),
    }


def _instant(value: object) -> str:
    return f"{value:%F %T}"
