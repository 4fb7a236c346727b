"""A replay of dead letters as it was asked for: carried out, or only foreseen."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from confluent_kafka import Producer

from contracts.errors import InputError
from contracts.settings import Settings
from contracts.topics import Topic
from infra.console import say
from infra.kafka import producer_config
from infra.security.refusals import Watch
from infra.topics import check_topics
from lakehouse.evolution.events import admit
from lakehouse.rereads import last_rereadings
from producers.account import Account
from producers.dead_letter_replay import History, Outcome, Tally, publish, read_again
from producers.dead_letter_topics import dead_letters
from producers.feeds.base import Headers
from producers.publisher import Publisher, Wire

ReadEvent = tuple[str, str, str, Headers]
"""Rule that refused the letter, and key, value and headers of an event in it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a replay was asked for."""

    settings: Settings
    topics: tuple[Topic, ...]
    rule: str | None
    assume_start_ms: int | None


def replayed(asked: Asked) -> list[Outcome]:
    """Carry out a replay.

    Raises:
        InputError: No letter was refused by the rule.
        ContractError: An event of this program would break those who read its topic; nothing was sent to it.
    """
    check_topics(asked.settings)
    outcomes, seen = list[Outcome](), set[str]()
    for topic in asked.topics:
        admit(asked.settings, topic)
        history = history_of(asked.settings, topic)
        account = Account.begin(asked.settings, topic)
        publisher = _publisher(asked.settings, topic)
        try:
            with dead_letters(asked.settings, topic) as letters:
                found = read_again(history.open(letters, asked.rule), asked.assume_start_ms)
                outcomes += publish(asked.settings.lake, publisher, history, found)
        finally:
            account.end(publisher.delivered, 0)
        seen |= history.rules_seen
    _refuse_unknown_rule(asked.rule, seen)
    return outcomes


def foreseen(asked: Asked) -> Iterator[tuple[Topic, list[Outcome], list[ReadEvent]]]:
    """What a replay would send, topic by topic: its outcomes and the events.

    Raises:
        InputError: No letter was refused by the rule; said at the end.
    """
    seen = set[str]()
    for topic in asked.topics:
        history = history_of(asked.settings, topic)
        tally, events = Tally(history), list[ReadEvent]()
        with dead_letters(asked.settings, topic) as letters:
            for one in read_again(history.open(letters, asked.rule), asked.assume_start_ms):
                tally.add(one)
                read = one.events
                events += [(one.letter.reason, *e) for e in zip(read.keys, read.values, read.headers, strict=True)]
        seen |= history.rules_seen
        yield topic, tally.outcomes, events
    _refuse_unknown_rule(asked.rule, seen)


def _refuse_unknown_rule(rule: str | None, seen: set[str]) -> None:
    if rule is not None and rule not in seen:
        raise InputError(
            f"No dead letter was refused by the rule {rule}. Rules with letters: {', '.join(sorted(seen)) or 'none'}."
        )


def history_of(settings: Settings, topic: Topic) -> History:
    """What earlier replays have made of a topic's letters."""
    return History(last_rereadings(settings.lake, topic.dead_letter.name))


def _publisher(settings: Settings, topic: Topic) -> Publisher:
    watch = Watch.of(settings, "producer")
    wire = Producer({**producer_config(settings), "error_cb": watch, "log_level": 0})
    away = settings.broker_away_seconds
    return Publisher(
        cast("Wire", wire), topic, format_name="dlq", source="", away_seconds=away, notify=say, watch=watch
    )
