"""Silence is data too: why a source says nothing, told apart. Pure.

A feed is judged from its beginning: the producer's process, the connection, lines, reports. What is wrong further up
explains what is missing further down, so the first fault is the verdict. Base stations report every few seconds and
never leave: one that is heard proves that the receiver lives where no ships are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal, TypeGuard

from lakehouse.feed_state import FeedState, StationState

Verdict = Literal[
    "ok", "no_ships", "unknown", "producer_dead", "station_dead", "feed_silent", "feed_unreadable", "broker_away",
    "broker_lag", "stream_lag", "stream_stalled", "table_stale",
]  # fmt: skip

ADVICE: dict[Verdict, str] = {
    "ok": "",
    "no_ships": "Nothing: the station lives and there is no ship.",
    "unknown": "Ask the station's operator: no base station was heard that could tell a dead one from an empty sea.",
    "producer_dead": "Start the producer again; --resume goes on with a file.",
    "station_dead": "See after the receiver: its power, aerial and network.",
    "feed_silent": "Ask who runs the feed: the connection stands, but nothing comes.",
    "feed_unreadable": "Look at the dead letters: is it the right port, and the right --from?",
    "broker_away": "Start the broker: `maritime broker start`.",
    "broker_lag": "Wait, or give the Bronze stream more: MARITIME_BATCH_MAX_RECORDS.",
    "stream_lag": "Wait, or give the stream more: MARITIME_BATCH_MAX_BYTES.",
    "stream_stalled": "Start the stream again: `maritime stream all --continuous`.",
    "table_stale": "See why no record is accepted: SELECT rule, count(*) FROM silver.quarantine GROUP BY 1.",
}
"""What to do, by verdict."""
VESSELS_MAY_BE_JUDGED: tuple[Verdict, ...] = ("ok", "no_ships")
"""Only here does a vessel's silence say anything of the vessel."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long is too long. ``producer_dead`` must be longer than a producer waits for a broker that is away."""

    feed_silent: timedelta
    station_silent: timedelta
    producer_dead: timedelta
    lag: timedelta
    stall: timedelta
    stale: timedelta


@dataclass(frozen=True, slots=True)
class Hop:
    """A stream on a topic's way: what waits for it and when it last did something. A lag is null where unknown.

    ``last_read_at`` is its last batch with records, ``last_accepted_at`` its last batch that added rows.
    """

    stream: str
    lag_records: int | None
    lag_seconds: float | None
    last_finished_at: datetime | None
    last_read_at: datetime | None
    last_accepted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Way:
    """A topic and the streams that take its records to the tables, in order."""

    topic: str
    is_broker_up: bool
    is_used: bool
    hops: tuple[Hop, ...]


@dataclass(frozen=True, slots=True)
class Told:
    """The verdict on one source, since when, and what to do.

    ``vessels_may_be_judged``: a vessel that is not heard here is silent itself, and not its feed.
    """

    source: str
    verdict: Verdict
    reason: str
    advice: str
    since: datetime | None
    vessels_may_be_judged: bool


def judge(
    feeds: Sequence[tuple[FeedState, bool | None]], ways: Sequence[Way], limits: Limits, now: datetime
) -> list[Told]:
    """One verdict for each live feed, for each of its receivers that went silent, and for each topic in use.

    Args:
        feeds: Each feed with whether its producer's process lives; null when that cannot be told.
        ways: The topics with their streams.
        limits: How long is too long.
        now: The present.
    """
    by_topic = {way.topic: judge_way(way, limits, now) for way in ways}
    told = []
    for feed, is_alive in feeds:
        own = judge_feed(feed, is_alive, limits, now)
        after = by_topic.get(feed.topic)
        is_fed = own.verdict in VESSELS_MAY_BE_JUDGED
        told.append(_told(feed.name, after.verdict, after.reason, after.since) if is_fed and _is_fault(after) else own)
        told += _stations(feed, limits, now) if is_fed else []
    return told + [by_topic[way.topic] for way in ways if way.is_used]


def judge_feed(feed: FeedState, is_alive: bool | None, limits: Limits, now: datetime) -> Told:
    """What the producer's own notes say of the feed."""
    if feed.ended_because or is_alive is False or now - feed.beat_at > limits.producer_dead:
        because = feed.ended_because or f"its last sign of life was {_ago(feed.beat_at, now)}"
        return _told(feed.name, "producer_dead", f"The producer is gone: {because}.", feed.beat_at)
    if feed.connected_since is None:
        return _unconnected(feed, limits, now)
    heard_at = max(feed.connected_since, feed.last_frame_at or feed.connected_since)
    if now - heard_at > limits.feed_silent:
        reason = f"{feed.location} is connected, and its last line came {_ago(feed.last_frame_at, now)}."
        return _told(feed.name, "feed_silent", reason, heard_at)
    return _speaking(feed, feed.connected_since, limits, now)


def judge_way(way: Way, limits: Limits, now: datetime) -> Told:
    """What the broker and the streams say of a topic; the first fault on the way down."""
    if not way.is_broker_up:
        return _told(way.topic, "broker_away", "The broker does not answer: nothing can be published or read.", None)
    faults = (fault for hop in way.hops for fault in _faults(way.topic, hop, limits, now))
    return next(faults, _told(way.topic, "ok", "Every record is taken, or not yet waiting for long.", None))


def _unconnected(feed: FeedState, limits: Limits, now: datetime) -> Told:
    since = feed.lost_at or feed.started_at
    if now - since > limits.feed_silent:
        return _told(feed.name, "station_dead", f"{feed.location} takes no connection for {_span(now - since)}.", since)
    return _told(feed.name, "unknown", f"{feed.location} is being connected to.", since, "Wait a moment.")


def _speaking(feed: FeedState, connected_since: datetime, limits: Limits, now: datetime) -> Told:
    """A feed whose lines come: are there ships, base stations, or neither?"""
    if _is_recent(feed.last_report_at, limits, now) or now - connected_since <= limits.feed_silent:
        return _told(feed.name, "ok", f"{feed.reports:,} reports, the last {_ago(feed.last_report_at, now)}.", None)
    if _is_recent(feed.last_base_station_at, limits, now):
        reason = f"Base stations are heard, the last {_ago(feed.last_base_station_at, now)}, and no ship."
        return _told(feed.name, "no_ships", reason, feed.last_report_at or connected_since)
    if not feed.reports and not feed.base_station_reports:
        reason = f"{feed.frames:,} lines came and none of them was a report; {feed.refused:,} were refused."
        return _told(feed.name, "feed_unreadable", reason, connected_since)
    reason = f"Lines come, but no ship since {_ago(feed.last_report_at, now)} and no base station."
    return _told(feed.name, "unknown", reason, feed.last_report_at)


def _stations(feed: FeedState, limits: Limits, now: datetime) -> Iterator[Told]:
    """The receivers of a speaking feed that are not heard themselves; a single one is judged as the feed."""
    for name, station in feed.stations.items() if len(feed.stations) > 1 else ():
        source = f"{feed.name}: {name}"
        if _is_recent(station.last_report_at, limits, now):
            continue
        if _is_recent(station.last_base_station_at, limits, now):
            yield _told(source, "no_ships", "It hears base stations and no ship.", station.last_report_at)
        elif station.last_base_station_at:
            reason = f"It heard base stations until {_ago(station.last_base_station_at, now)}, and now nothing."
            yield _told(source, "station_dead", reason, _last(station))
        else:
            reason = f"Its last report came {_ago(station.last_report_at, now)}."
            yield _told(source, "unknown", reason, station.last_report_at)


def _faults(topic: str, hop: Hop, limits: Limits, now: datetime) -> Iterator[Told]:
    lag = timedelta(seconds=hop.lag_seconds or 0)
    waiting = f"{hop.lag_records or 0:,} records wait for {hop.stream}, the oldest for {_span(lag)}"
    is_idle = hop.last_finished_at is None or now - hop.last_finished_at > limits.stall
    if lag > limits.stall and is_idle:
        last = f"its last batch was {_ago(hop.last_finished_at, now)}" if hop.last_finished_at else "it never ran"
        yield _told(topic, "stream_stalled", f"{waiting}; {last}.", hop.last_finished_at)
    elif lag > limits.lag:
        verdict: Verdict = "broker_lag" if hop.stream.startswith("bronze.") else "stream_lag"
        yield _told(topic, verdict, f"{waiting}.", now - lag)
    if hop.last_read_at and hop.last_accepted_at and hop.last_read_at - hop.last_accepted_at > limits.stale:
        reason = f"{hop.stream} reads records, and has added no row since {_ago(hop.last_accepted_at, now)}."
        yield _told(topic, "table_stale", reason, hop.last_accepted_at)


def _told(source: str, verdict: Verdict, reason: str, since: datetime | None, advice: str | None = None) -> Told:
    return Told(source, verdict, reason, advice or ADVICE[verdict], since, verdict in VESSELS_MAY_BE_JUDGED)


def _is_fault(told: Told | None) -> TypeGuard[Told]:
    return told is not None and told.verdict != "ok"


def _is_recent(at: datetime | None, limits: Limits, now: datetime) -> bool:
    return at is not None and now - at <= limits.station_silent


def _last(station: StationState) -> datetime | None:
    return max(_known((station.last_report_at, station.last_base_station_at)), default=None)


def _known(instants: Iterable[datetime | None]) -> list[datetime]:
    return [instant for instant in instants if instant is not None]


def _ago(at: datetime | None, now: datetime) -> str:
    return "never" if at is None else f"{_span(now - at)} ago"


def _span(span: timedelta) -> str:
    return str(timedelta(seconds=round(span.total_seconds())))
