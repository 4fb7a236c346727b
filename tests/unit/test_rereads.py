"""Which dead letters are open, and what a replay keeps of each."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from contracts.topics import ALERTS
from lakehouse.rereads import Rereading, last_rereadings
from producers.dead_letter_replay import History, Tally, publish, read_again
from producers.dead_letters import DeadLetter, Reread
from producers.publisher import Publisher

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
EVENT = {
    "event_type": "alert", "event_id": "a1", "source": "w", "observed_at_ms": 1_700_000_000_000, "rule": "r",
    "severity": "info", "message": "m",
}  # fmt: skip


def letter(offset: int, reason: str, raw: bytes = b"?", published_at: datetime = NOON) -> DeadLetter:
    headers = {"reason": reason.encode(), "format": b"events"}
    return DeadLetter(ALERTS, 0, offset, published_at, raw, headers)


class Acknowledging:
    """A wire whose broker takes everything at once."""

    def __init__(self) -> None:
        self.sent: list[str] = []

    def produce(self, topic: str, **message: Any) -> None:
        self.sent.append(message["value"])
        message["on_delivery"](None, None)

    def poll(self, timeout: float) -> int:
        return 0

    def purge(self, in_queue: bool = True, in_flight: bool = True, blocking: bool = True) -> None:
        pass


@pytest.fixture
def wire() -> Acknowledging:
    return Acknowledging()


@pytest.fixture
def publisher(wire: Acknowledging) -> Publisher:
    return Publisher(wire, ALERTS, format_name="dlq", source="", away_seconds=9, notify=print)


def history(root: str) -> History:
    return History(last_rereadings(root, ALERTS.dead_letter.name))


def opened(root: str, letters: list[DeadLetter], rule: str | None = None) -> Iterator[Reread]:
    return read_again(history(root).open(letters, rule), None)


def test_the_second_verdict_is_kept_beside_the_first_and_a_second_replay_writes_and_sends_nothing(
    tmp_path: Any, wire: Acknowledging, publisher: Publisher
) -> None:
    root, letters = str(tmp_path), [letter(0, "old_rule", json.dumps(EVENT).encode()), letter(1, "old_rule")]

    (done,) = publish(root, publisher, history(root), opened(root, letters))

    kept = last_rereadings(root, ALERTS.dead_letter.name)
    assert (done.letters, done.published_letters, done.refused) == (2, 1, {"not_json": 1})
    assert [(one.first_rule, one.rule, one.events_published) for one in kept.values()] == [
        ("old_rule", None, 1), ("old_rule", "not_json", 0),
    ]  # fmt: skip
    (again,) = publish(root, publisher, history(root), opened(root, letters))
    assert (again.letters, again.published_letters, again.unchanged) == (1, 0, 1)
    assert last_rereadings(root, ALERTS.dead_letter.name) == kept
    assert len(wire.sent) == 1


def test_a_rule_chooses_the_letters_that_it_refused_first_or_holds_now(tmp_path: Any, publisher: Publisher) -> None:
    root, letters = str(tmp_path), [letter(0, "old_rule"), letter(1, "other_rule")]
    publish(root, publisher, history(root), opened(root, letters[:1]))

    assert [one.letter.offset for one in opened(root, letters, "old_rule")] == [0]
    assert [one.letter.offset for one in opened(root, letters, "not_json")] == [0]
    assert [one.letter.offset for one in opened(root, letters, "other_rule")] == [1]


def test_a_letter_of_a_topic_made_anew_is_not_taken_for_the_one_that_had_its_offset(
    tmp_path: Any, publisher: Publisher
) -> None:
    root, value = str(tmp_path), json.dumps(EVENT).encode()
    publish(root, publisher, history(root), opened(root, [letter(0, "r", value)]))

    later = letter(0, "r", value, NOON.replace(day=2))

    assert list(opened(root, [letter(0, "r", value)])) == []
    assert [one.letter for one in opened(root, [later])] == [later]


def test_letters_are_counted_by_the_rule_that_refused_them_first() -> None:
    tally = Tally(History({}))
    for one in read_again([letter(0, "b"), letter(1, "a"), letter(2, "b")], None):
        tally.add(one)

    assert [(outcome.rule, outcome.letters, outcome.refused) for outcome in tally.outcomes] == [
        ("a", 1, {"not_json": 1}), ("b", 2, {"not_json": 2}),
    ]  # fmt: skip
    assert json.loads(json.dumps(tally.outcomes[1].as_json()))["refused"] == {"not_json": 2}


def test_no_row_is_kept_where_nothing_is_new() -> None:
    seen = Rereading(ALERTS.dead_letter.name, 0, 0, NOON, "r", "not_json", 0, "id", "1.0", NOON)
    (one,) = read_again([letter(0, "r")], None)

    assert not History({seen.letter: seen}).is_news(one)
    assert History({}).is_news(one)
