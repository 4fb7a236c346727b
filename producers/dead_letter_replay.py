"""Publishing what dead letters hold by today's readers: each letter once, with both verdicts kept."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from typing import Any

from infra.release import code_version
from lakehouse import rereads
from lakehouse.rereads import LetterId, Rereading
from producers.dead_letters import DeadLetter, Reread, reread, together
from producers.publisher import Publisher

CHUNK_LETTERS = 200  # of up to 900 kB each


@dataclass(slots=True)
class Outcome:
    """What became of the letters of a topic that one rule had refused first.

    ``refused`` counts letters by the rule of today; ``unchanged`` those of them whose last verdict it was already.
    """

    topic: str
    rule: str
    letters: int = 0
    published_letters: int = 0
    events: int = 0
    unchanged: int = 0
    refused: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """The outcome for machines."""
        return {**asdict(replace(self, refused=Counter())), "refused": dict(self.refused)}  # asdict spoils a Counter


class History:
    """The letters of one topic together with what earlier replays have made of them."""

    def __init__(self, last: Mapping[LetterId, Rereading]) -> None:
        self._last = last
        self.rules_seen: set[str] = set()

    def second(self, letter: DeadLetter) -> Rereading | None:
        """The last second verdict; null for a letter that was never read again."""
        return self._last.get(letter.id)

    def open(self, letters: Iterable[DeadLetter], rule: str | None) -> Iterator[DeadLetter]:
        """Letters that no replay has published, of this rule: the one that refused them first, or holds them now."""
        for letter in letters:
            second = self.second(letter)
            held_by = second.rule if second else letter.reason
            self.rules_seen |= {letter.reason, held_by or letter.reason}
            if held_by is not None and rule in (None, letter.reason, held_by):
                yield letter

    def is_news(self, one: Reread) -> bool:
        """Whether the letter's verdict is another than its last one; the first second verdict always is."""
        second = self.second(one.letter)
        return second is None or second.rule != one.reason


def read_again(letters: Iterable[DeadLetter], assume_start_ms: int | None) -> Iterator[Reread]:
    """Each letter by the reader and the contract of today."""
    return (reread(letter, assume_start_ms=assume_start_ms) for letter in letters)


class Tally:
    """Letters counted by topic and first rule."""

    def __init__(self, history: History) -> None:
        self._history = history
        self._counted: dict[tuple[str, str], Outcome] = {}

    @property
    def outcomes(self) -> list[Outcome]:
        """One per topic and rule, in order."""
        return [self._counted[key] for key in sorted(self._counted)]

    def add(self, one: Reread) -> None:
        """Count a letter."""
        key = (one.letter.topic.dead_letter.name, one.letter.reason)
        outcome = self._counted.setdefault(key, Outcome(*key))
        outcome.letters += 1
        outcome.events += len(one.events.values)
        if one.reason is None:
            outcome.published_letters += 1
        else:
            outcome.refused[one.reason] += 1
            outcome.unchanged += not self._history.is_news(one)


def publish(root: str, publisher: Publisher, history: History, found: Iterator[Reread]) -> list[Outcome]:
    """Publish the events of letters, and then keep the second verdicts.

    They are kept after the broker has acknowledged the events. So a crash in between sends some twice and loses none;
    the lake knows them as repeats by their key.

    Args:
        root: The lake's.
        publisher: Sends events to the letters' topic.
        history: What earlier replays made of them.
        found: Letters read again; taken chunk by chunk.
    """
    replay_id, tally = str(uuid.uuid4()), Tally(history)
    while chunk := list(islice(found, CHUNK_LETTERS)):
        events = together(chunk)
        if events.values:
            publisher.send(events)
            publisher.flush()
        rereads.record(root, _rows(replay_id, [one for one in chunk if history.is_news(one)]))
        for one in chunk:
            tally.add(one)
    return tally.outcomes


def _rows(replay_id: str, news: Sequence[Reread]) -> list[Rereading]:
    now = datetime.now(UTC)
    return [
        Rereading(
            kafka_topic=one.letter.topic.dead_letter.name,
            kafka_partition=one.letter.partition,
            kafka_offset=one.letter.offset,
            published_at=one.letter.published_at,
            first_rule=one.letter.reason,
            rule=one.reason,
            events_published=len(one.events.values),
            replay_id=replay_id,
            code_version=code_version(),
            judged_at=now,
        )
        for one in news
    ]
