"""The collision watch at its edges: where it begins, what it does with a broker that does not answer."""

from __future__ import annotations

import time
from typing import Any, cast

import pytest
from confluent_kafka import Consumer, KafkaError, TopicPartition

from consumers.collision.account import Account, account_file, load, save
from consumers.collision.begins import Begin, Start, begins
from consumers.collision.teller import Teller
from consumers.collision.watch import RULE, SOURCE
from contracts.errors import AccessError, DataLossError, UnavailableError
from contracts.events import Alert
from contracts.settings import Settings
from contracts.topics import AIS, ALERTS
from infra.security.refusals import Watch

SEEN_MS = 1_700_000_000_000


class Broker:
    """A broker with one partition: what the group has committed, and one record a second from ``SEEN_MS`` on."""

    def __init__(self, committed: TopicPartition, low: int = 0, high: int = 10_000) -> None:
        self._committed, self._low, self._high = committed, low, high

    def committed(self, _places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        return [self._committed]

    def get_watermark_offsets(self, _place: TopicPartition, timeout: float) -> tuple[int, int]:
        return self._low, self._high

    def offsets_for_times(self, places: list[TopicPartition], timeout: float) -> list[TopicPartition]:
        (place,) = places
        offset = max(self._low, (place.offset - SEEN_MS) // 1_000)
        return [TopicPartition(AIS.name, 0, offset if offset < self._high else -1)]


def begin(broker: Broker, start: Start = Start.LEFT_OFF) -> Begin:
    (found,) = begins(cast("Consumer", broker), [TopicPartition(AIS.name, 0)], start, silent_after_s=600)
    return found


def committed(offset: int, metadata: str = "") -> TopicPartition:
    return TopicPartition(AIS.name, 0, offset, metadata=metadata)


def test_a_start_goes_on_where_it_left_off_and_reads_back_as_far_as_a_ship_is_believed() -> None:
    found = begin(Broker(committed(5_000, str(SEEN_MS + 5_000_000))))

    assert (found.read_from, found.judge_from) == (4_400, 5_000)
    assert (found.to_commit.offset, found.to_commit.metadata) == (5_000, str(SEEN_MS + 5_000_000))


def test_reading_back_ends_where_the_topic_begins() -> None:
    found = begin(Broker(committed(5_000, str(SEEN_MS + 5_000_000)), low=4_900))

    assert (found.read_from, found.judge_from) == (4_900, 5_000)


def test_the_first_start_begins_now_and_so_does_one_that_is_told_to() -> None:
    first, told = begin(Broker(committed(-1001))), begin(Broker(committed(5_000, "1")), Start.NOW)

    assert first.judge_from == told.judge_from == 10_000
    assert abs(told.judged_ms - time.time() * 1_000) < 60_000


def test_from_the_beginning_all_is_judged() -> None:
    found = begin(Broker(committed(5_000, str(SEEN_MS + 5_000_000)), low=7), Start.BEGINNING)

    assert (found.read_from, found.judge_from) == (7, 7)


def test_an_offset_that_was_set_by_hand_is_where_judging_begins_and_not_all_is_read_back() -> None:
    found = begin(Broker(committed(5_000)))

    assert (found.read_from, found.judge_from) == (5_000, 5_000)


@pytest.mark.parametrize(("low", "high"), [(5_001, 10_000), (0, 4_999)])
def test_records_that_are_gone_or_were_never_there_are_not_passed_over(low: int, high: int) -> None:
    with pytest.raises(DataLossError, match="--from now"):
        begin(Broker(committed(5_000, str(SEEN_MS)), low, high))


class Wire:
    """A producer whose broker answers each alert with one error, with none, or not at all."""

    def __init__(self, answer: KafkaError | None, *, is_away: bool = False) -> None:
        self.sent: list[dict[str, Any]] = []
        self._answer, self._is_away = answer, is_away

    def produce(self, topic: str, **message: Any) -> None:
        self.sent.append({"topic": topic, **message})

    def poll(self, timeout: float) -> int:
        for message in self.sent if not self._is_away else ():
            message["on_delivery"](self._answer, None)
        return 0


def alert() -> Alert:
    return Alert(event_id="a", source=SOURCE, mmsi=219_000_001, observed_at_ms=SEEN_MS, rule=RULE,
                 severity="warning", message="close")  # fmt: skip


def test_an_alert_goes_to_its_topic_by_the_ship_and_is_told_when_it_is_acknowledged() -> None:
    wire = Wire(None)
    Teller(wire, 1, Watch()).tell([alert()])
    (sent,) = wire.sent

    assert (sent["topic"], sent["key"]) == (ALERTS.name, "219000001")
    assert Alert.model_validate_json(sent["value"]) == alert()
    assert dict(sent["headers"])["event-type"] == b"alert"


def test_an_alert_that_is_not_acknowledged_stops_the_watch() -> None:
    with pytest.raises(UnavailableError, match="no answer for 0 s"):
        Teller(Wire(None, is_away=True), 0.2, Watch()).tell([alert()])
    with pytest.raises(UnavailableError, match="start again when the broker is back"):
        Teller(Wire(KafkaError(KafkaError._MSG_TIMED_OUT)), 1, Watch()).tell([alert()])


def test_a_watch_that_may_not_write_says_so() -> None:
    with pytest.raises(AccessError, match="may not write to"):
        Teller(Wire(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED)), 1, Watch()).tell([alert()])


def test_an_account_is_kept_and_says_when_its_watch_fell_silent(settings: Settings) -> None:
    file, now = account_file(settings), Account.model_validate({"name": "here:1", "seen_at": "2026-01-01T00:00:00Z"})
    assert load(file) is None
    save(file, now)

    assert load(file) == now
    assert (now.condition, now.model_copy(update={"has_left": True}).condition) == ("silent", "ended")
    assert not now.model_copy(update={"read": 1}).identity_holds
