"""``maritime dlq``: what producers refused and why, and sending it after a reader was corrected."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

import click

from contracts.settings import Settings, load_settings
from contracts.topics import Topic
from infra.console import Group, json_option, out, print_json, print_table, say
from infra.lock import single_writer
from infra.raw_text import readable
from lakehouse.rereads import Rereading
from maritime.options import chosen_topics, topic_option
from producers.commands import instant_ms
from producers.dead_letter_replay import History, Outcome
from producers.dead_letter_run import Asked, foreseen, history_of, replayed
from producers.dead_letter_topics import dead_letters
from producers.dead_letters import DeadLetter

if TYPE_CHECKING:
    from lakehouse.replay_account import Account

rule_option = click.option("--rule", help="Only letters that this rule refused first.")


@click.group("dlq", cls=Group)
def dlq() -> None:
    """See which records the producers refused and why; send them after a reader was corrected."""


@dlq.command("list")
@rule_option
@topic_option
@json_option
def list_command(rule: str | None, short: str | None, as_json: bool) -> None:
    """Count dead letters by topic, format and rule; open are those that no replay has published."""
    settings, rows = load_settings(), list[dict[str, object]]()
    for topic in chosen_topics(short):
        with dead_letters(settings, topic) as letters:
            rows += _counts(topic, letters, history_of(settings, topic), rule)
    if as_json:
        print_json({"dead_letters": rows})
        return
    names = ("topic", "format", "rule", "letters", "open", "first_seen_at", "last_seen_at")
    shown = [[_instant(row[name]) if name.endswith("_at") else row[name] for name in names] for row in rows]
    print_table("Dead letters", ("topic", "format", "rule", "letters", "open", "first seen", "last seen"), shown)


@dlq.command("show")
@rule_option
@topic_option
@click.option("--limit", default=10, show_default=True, type=click.IntRange(min=1), help="Most letters shown.")
@json_option
def show(rule: str | None, short: str | None, limit: int, as_json: bool) -> None:
    """Show dead letters, oldest first: place, rule, line of the feed, second verdict, and their bytes as text.

    What is not text is shown as an escape; --json has all bytes, as base64.
    """
    found = list(islice(_chosen(load_settings(), short, rule), limit))
    if as_json:
        print_json({"dead_letters": [_as_json(letter, second) for letter, second in found]})
        return
    for letter, second in found:
        line = f"{letter.source} line {letter.line_number}"
        again = f", read again: {second.rule or 'published'}" if second else ""
        text = f"{letter.place}  {letter.reason}  {line}  {letter.published_at:%F %T}  {letter.size_bytes:,} bytes"
        out.print(text + again, highlight=False, markup=False)
        click.echo(f"  {readable(letter.raw)}")


@dlq.command("replay")
@click.option("--rule", help="Only letters that this rule refused first or holds now; unset: all.")
@topic_option
@click.option("--dry-run", is_flag=True, help="Tell what would change, by rule, and send nothing.")
@click.option("--assume-start", metavar="INSTANT", help="Time of AIS messages that tell none.")
@json_option
def replay_command(rule: str | None, short: str | None, dry_run: bool, assume_start: str | None, as_json: bool) -> None:
    """Read dead letters by today's readers and publish the events in them, once; the letters stay where they are.

    Events have the ids that their feed would have given them, and a header that names the letter. The second verdict
    goes to ops.dead_letters. A second replay sends nothing; a letter that is still refused is read again by each.

    Example: maritime dlq replay --rule no_time --assume-start 2026-01-01T12:00:00Z --dry-run

    Raises:
        InputError: No letter was refused by the rule.
        LockedError: Another replay runs.
        UnavailableError: The broker did not answer; what was acknowledged is done, the rest is still open.
    """
    settings = load_settings()
    asked = Asked(settings, chosen_topics(short), rule, instant_ms(assume_start) if assume_start else None)
    if dry_run:
        outcomes, lake = _foreseen(asked)
        result = {"lake": [account.as_json() for account in lake]}
    else:
        with single_writer(Path(settings.home) / "locks", "dead-letter-replay"):
            outcomes, lake, result = replayed(asked), [], {}
    if as_json:
        print_json({"dry_run": dry_run, "rules": [outcome.as_json() for outcome in outcomes], **result})
    else:
        _print(outcomes, lake, dry_run=dry_run)


def _foreseen(asked: Asked) -> tuple[list[Outcome], list[Account]]:
    """What would be sent, and what the lake would make of it; Spark is started where there is something to judge."""
    outcomes = list[Outcome]()
    lake: list[Account] = []
    for topic, of_topic, events in foreseen(asked):
        outcomes += of_topic
        if events:
            from lakehouse.foresight import Coming, foresee  # Spark, which nothing else here needs
            from lakehouse.session import spark_session

            session = spark_session(asked.settings, "maritimeiq")
            lake += foresee(session, asked.settings, topic, [Coming(*event) for event in events])
    return outcomes, lake


def _print(outcomes: list[Outcome], lake: list[Account], *, dry_run: bool) -> None:
    if not outcomes:
        say("No dead letter is open.")
        return
    rows = [(o.topic, o.rule, o.letters, o.published_letters, o.events, o.unchanged) for o in outcomes]
    sent = "would be sent" if dry_run else "sent"
    title = "Would be replayed (nothing was sent)" if dry_run else "Replayed"
    print_table(title, ("topic", "rule", "letters", sent, "events in them", "unchanged"), rows)
    for outcome in outcomes:
        for rule, count in outcome.refused.most_common():
            out.print(f"  {outcome.topic} {outcome.rule}: {count:,} still refused by {rule}", highlight=False)
    if lake:
        from lakehouse.replay_account import SHOWN  # as above

        print_table("Would change in the lake", (*SHOWN, "gold rows"), [account.as_row() for account in lake])


def _counts(topic: Topic, letters: Iterable[DeadLetter], history: History, rule: str | None) -> list[dict[str, object]]:
    counts, still_open = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    seen: dict[tuple[str, str], tuple[object, object]] = {}
    for letter in letters:
        if rule not in (None, letter.reason):
            continue
        kind = (letter.format, letter.reason)
        second = history.second(letter)
        counts[kind] += 1
        still_open[kind] += second is None or second.rule is not None
        seen[kind] = (seen.get(kind, (letter.published_at, None))[0], letter.published_at)
    return [
        {
            "topic": topic.dead_letter.name,
            "format": kind[0],
            "rule": kind[1],
            "letters": count,
            "open": still_open[kind],
            "first_seen_at": seen[kind][0],
            "last_seen_at": seen[kind][1],
        }
        for kind, count in counts.most_common()
    ]


def _chosen(settings: Settings, short: str | None, rule: str | None) -> Iterator[tuple[DeadLetter, Rereading | None]]:
    for topic in chosen_topics(short):
        history = history_of(settings, topic)
        with dead_letters(settings, topic) as letters:
            yield from ((letter, history.second(letter)) for letter in letters if rule in (None, letter.reason))


def _as_json(letter: DeadLetter, second: Rereading | None) -> dict[str, object]:
    return {
        "topic": letter.topic.dead_letter.name,
        "partition": letter.partition,
        "offset": letter.offset,
        "published_at": letter.published_at,
        "rule": letter.reason,
        "is_published": second is not None and second.rule is None,
        "held_by": second.rule if second else None,
        "source": letter.source,
        "format": letter.format,
        "line_number": letter.line_number,
        "size_bytes": letter.size_bytes,
        "text": readable(letter.raw),
        "value_base64": base64.b64encode(letter.raw).decode(),
    }


def _instant(value: object) -> str:
    return f"{value:%F %T}"
