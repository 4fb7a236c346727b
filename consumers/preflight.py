"""Checked before a Bronze stream starts: would it go on exactly where the ledger ends? Else nothing is written."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from consumers.standing import Standing, standing
from contracts.errors import ContractError, DataLossError, MaritimeError, UnavailableError
from contracts.settings import Settings
from contracts.topics import Topic
from infra.marks import TopicState
from lakehouse import ledger, origins
from lakehouse.ledger import OffsetRange
from lakehouse.origins import FIRST_START, Origin


def check(settings: Settings, topic: Topic) -> None:
    """Check where the stream stands, and note its first start.

    Raises:
        DataLossError: Records that it has not read are gone, or the topic was deleted, made anew or cut back.
        ContractError: The topic's partitions or the stream's checkpoint are not those of the ledger.
        UnavailableError: The broker or the topic is not there.
    """
    now = standing(settings, topic)
    for error in problems(now):
        raise error
    if now.state and now.known.topic_id is None:
        origins.record(settings.lake, _first_start(now, now.state))


def starting_offsets(settings: Settings, topic: Topic) -> str:
    """Where a new checkpoint begins, in the words of Spark's Kafka source: where the ledger ends."""
    stream = f"bronze.{topic.short}"
    known = origins.reached(origins.origins(settings.lake, stream), ledger.entries(settings.lake, stream))
    if known.topic_id is None:
        return "earliest"
    return json.dumps({topic.name: {str(number): offset for number, offset in sorted(known.offsets.items())}})


def problems(now: Standing) -> Iterator[MaritimeError]:
    """What stands in the way of going on, the gravest first; the first one is what an operator is told."""
    if now.state is None:
        yield no_topic(now)
        return
    if is_anew(now):
        yield DataLossError(_told(now, f"{now.topic.name} was deleted or made anew: it is not the topic it has read"))
        return
    if partitions_changed(now):
        text = f"{now.topic.name} has {len(now.state.marks)} partitions, and {_partitions_known(now)} are known"
        yield ContractError(_told(now, f"{text}; a vessel's records may be in another partition than before"))
    if gone := gaps(now):
        yield DataLossError(_told(now, f"{named(gone)} of {now.topic.name} are gone from the broker and were not read"))
    if back := cut_back(now):
        yield DataLossError(
            _told(now, f"{now.topic.name} ends before what the lake holds: {named(back)} are not there")
        )
    if what := _checkpoint_problem(now):
        yield ContractError(_told(now, what))


def is_anew(now: Standing) -> bool:
    """Whether the topic on the broker is another one than that which the stream has read."""
    return now.state is not None and now.known.topic_id not in (None, now.state.topic_id)


def partitions_changed(now: Standing) -> bool:
    """Whether the topic's partitions are others than those that the stream knows."""
    marks = now.state.marks if now.state else {}
    if now.known.topic_id is None:
        return len(marks) != now.topic.partitions
    return marks.keys() != now.known.offsets.keys()


def gaps(now: Standing) -> tuple[OffsetRange, ...]:
    """Offsets that are gone before the stream has read them; a first start begins where the topic does."""
    if now.state is None or not now.known.offsets:
        return ()
    reached = {} if is_anew(now) else now.known.offsets
    return tuple(
        OffsetRange(now.topic.name, number, reached.get(number, 0), low)
        for number, (low, _) in sorted(now.state.marks.items())
        if low > reached.get(number, 0)
    )


def cut_back(now: Standing) -> tuple[OffsetRange, ...]:
    """Offsets that the stream has read and that lie beyond the end of the topic."""
    marks = now.state.marks if now.state else {}
    return tuple(
        OffsetRange(now.topic.name, number, marks[number][1], offset)
        for number, offset in sorted(now.known.offsets.items())
        if number in marks and offset > marks[number][1]
    )


def named(spans: tuple[OffsetRange, ...]) -> str:
    """Ranges for people: the first three with their partitions, and the number of all offsets."""
    parts = [f"offsets [{span.start}, {span.end}) of partition {span.partition}" for span in spans[:3]]
    more = [f"{len(spans) - 3} more ranges"] if len(spans) > 3 else []
    return f"{sum(span.end - span.start for span in spans):,} records ({', '.join([*parts, *more])})"


def _checkpoint_problem(now: Standing) -> str | None:
    """Why the checkpoint does not fit to the ledger; null where it does."""
    found, known = now.checkpoint, now.known
    writer = found and f"{now.stream}:{found.checkpoint_id}"
    if known.is_fresh:
        return "its checkpoint is older than its recovery" if writer and writer == known.app_id else None
    if known.app_id is None:
        return "its checkpoint holds batches that the lake does not" if found and found.done is not None else None
    if found is None:
        return "its checkpoint is lost"
    if writer != known.app_id:
        return f"its checkpoint is not the one that wrote the last batch ({known.app_id})"
    last = -1 if now.last_batch is None else now.last_batch
    if found.done is not None and found.done > last:
        return f"its checkpoint holds batch {found.done} as done, the lake ends with batch {last}"
    if found.planned is None or found.planned < last:
        return f"its checkpoint ends with batch {found.planned}, the lake holds batch {last}"
    return None


def no_topic(now: Standing) -> MaritimeError:
    """What an operator is told of a topic that is not on the broker."""
    if not now.known.offsets:
        text = f"The stream {now.stream} was not started: its topic does not exist on the broker"
        return UnavailableError(f"{text}: run `maritime topics create`, then start the stream again.")
    text = f"The stream {now.stream} was not started, nothing was written: {now.topic.name} was deleted or made anew"
    return DataLossError(
        f"{text}, and is not on the broker now. Bring it back from a mirror; else run `maritime topics create`, then "
        f"`maritime recover bronze --topic {now.topic.short} --dry-run`."
    )


def _told(now: Standing, what: str) -> str:
    return (
        f"The stream {now.stream} was not started, nothing was written: {what}. "
        f"`maritime recover bronze --topic {now.topic.short} --dry-run` shows how it goes on from the ledger."
    )


def _partitions_known(now: Standing) -> int:
    return now.topic.partitions if now.known.topic_id is None else len(now.known.offsets)


def _first_start(now: Standing, state: TopicState) -> Origin:
    """The first start of a stream, or the first one that is noted of a stream that ran before starts were."""
    starts = {
        str(number): now.known.offsets.get(number, 0) if now.known.offsets else low
        for number, (low, _) in sorted(state.marks.items())
    }
    return Origin(now.stream, datetime.now(UTC), now.topic.name, state.topic_id, FIRST_START, starts)
