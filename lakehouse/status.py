"""What the line is doing, told from the broker, the ledger and the Delta logs: no Spark is started."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.compute as pc
from confluent_kafka import Consumer, KafkaException, TopicPartition

from contracts.settings import Settings
from contracts.tables import BRONZE, SILVER_POSITIONS, TABLES, Table
from contracts.topics import AIS, TOPICS, Topic
from infra.kafka import client_config
from infra.security.refusals import Watch
from lakehouse import ledger, origins
from lakehouse.erasure.account import erased
from lakehouse.feed_state import is_running, load_all
from lakehouse.silence import Hop, Limits, Told, Way, judge
from lakehouse.upkeep.log import commit_history

ANSWER_SECONDS = 5.0
OUTCOMES = ("rows_accepted", "rows_quarantined", "rows_duplicate", "rows_late")

TOPIC_OF = {f"bronze.{topic.short}": topic for topic in TOPICS}
"""What each Bronze stream reads."""
TABLE_OF = {f"silver.{topic.short}": table for topic, table in BRONZE.items()} | {"gold.vessels": SILVER_POSITIONS}
"""What each Silver and Gold stream reads."""


@dataclass(frozen=True, slots=True)
class TopicStatus:
    """A topic as the broker tells it; ``partitions`` maps each to first offset and end."""

    topic: str
    records: int
    partitions: dict[int, tuple[int, int]]


@dataclass(frozen=True, slots=True)
class StreamStatus:
    """A stream: what became of its records, and how far it is behind. A lag is null where it cannot be told.

    ``lag_seconds`` is the age of the oldest record not yet read: 0 when there is none. ``last_read_at`` is the end of
    the last batch with records, ``last_accepted_at`` that of the last one that added rows, or of the first batch.
    """

    stream: str
    last_batch: int | None
    last_finished_at: datetime | None
    last: dict[str, int]
    total: dict[str, int]
    broken_batches: list[int]
    lag_records: int | None
    lag_seconds: float | None
    last_read_at: datetime | None
    last_accepted_at: datetime | None


@dataclass(frozen=True, slots=True)
class TableStatus:
    """A Delta table by its log; ``newest_at`` is the newest ``observed_at`` where the table has one."""

    table: str
    rows: int
    version: int
    files: int
    size_mb: float
    age_seconds: float
    newest_at: datetime | None


@dataclass(frozen=True, slots=True)
class Status:
    """The whole line. ``broker`` says ``up``, or why it cannot be asked; ``sources`` why one is silent."""

    broker: str
    topics: list[TopicStatus]
    streams: list[StreamStatus]
    tables: list[TableStatus]
    sources: list[Told]

    @property
    def is_sound(self) -> bool:
        """Whether every batch in the ledger adds up."""
        return not any(stream.broken_batches for stream in self.streams)


def line_status(settings: Settings, now: datetime) -> Status:
    """Look at the whole line; a broker that is away is a state, not an error."""
    broker, topics, lags = _broker(settings, now)
    tables = [_table(settings, table, now) for table in TABLES if _is_there(settings, table)]
    streams = [_stream(settings, name, lags.get(name), now) for name in (*TOPIC_OF, *TABLE_OF, *_replays(settings))]
    feeds = [(feed, is_running(feed)) for feed in load_all(settings.home)]
    sources = judge(feeds, _ways(broker, topics, streams), _limits(settings), now)
    return Status(broker, topics, streams, tables, sources)


def _ways(broker: str, topics: Sequence[TopicStatus], streams: Sequence[StreamStatus]) -> list[Way]:
    """Each topic with the streams that its records pass, in order."""
    by_name = {stream.stream: stream for stream in streams}
    filled = {topic.topic for topic in topics if topic.records}
    ways = []
    for topic in TOPICS:
        names = [f"bronze.{topic.short}", f"silver.{topic.short}", *(["gold.vessels"] if topic == AIS else [])]
        hops = tuple(_hop(by_name[name]) for name in names)
        is_used = topic.name in filled or any(hop.last_finished_at for hop in hops)
        ways.append(Way(topic.name, broker == "up", is_used, hops))
    return ways


def _hop(stream: StreamStatus) -> Hop:
    return Hop(
        stream.stream, stream.lag_records, stream.lag_seconds, stream.last_finished_at, stream.last_read_at,
        stream.last_accepted_at,
    )  # fmt: skip


def _limits(settings: Settings) -> Limits:
    # A producer that waits for a broker writes nothing down meanwhile.
    producer_dead = max(3 * settings.heartbeat_seconds, settings.broker_away_seconds + 30)
    seconds = (
        settings.feed_silent_seconds, settings.station_silent_seconds, producer_dead, settings.lag_limit_seconds,
        settings.stall_limit_seconds, settings.stale_limit_seconds,
    )  # fmt: skip
    return Limits(*(timedelta(seconds=limit) for limit in seconds))


def _replays(settings: Settings) -> list[str]:
    """Streams of replayed quarantine, where there are any: they have nothing to lag behind."""
    names = {entry["stream"] for entry in ledger.entries(settings.lake)}
    return sorted(name for name in names if name.startswith("replay."))


def adds_up(entry: dict[str, Any]) -> bool:
    """The ledger's identity: ``read = accepted + quarantined + duplicate + late``."""
    return bool(entry["rows_read"] == sum(entry[name] for name in OUTCOMES))


def _stream(settings: Settings, name: str, lag: tuple[int, float] | None, now: datetime) -> StreamStatus:
    entries = ledger.entries(settings.lake, name)
    last = entries[-1] if entries else None
    if name in TABLE_OF:
        mine = [entry for entry in entries if last and entry["app_id"] == last["app_id"]]
        lag = _table_lag(settings, TABLE_OF[name], mine, now)
    names = ("rows_read", *OUTCOMES)
    return StreamStatus(
        stream=name,
        last_batch=last["batch_id"] if last else None,
        last_finished_at=last["finished_at"] if last else None,
        last={column: last[column] for column in names} if last else {},
        total={column: sum(entry[column] for entry in entries) for column in names},
        broken_batches=[entry["batch_id"] for entry in entries if not adds_up(entry)],
        lag_records=lag[0] if lag else None,
        lag_seconds=lag[1] if lag else None,
        last_read_at=_last_with("rows_read", entries),
        last_accepted_at=_last_with("rows_accepted", entries),
    )


def _last_with(column: str, entries: Sequence[dict[str, Any]]) -> datetime | None:
    """End of the last batch that counts something in the column, else of the first batch."""
    ends = [entry["finished_at"] for entry in entries if entry[column]] or [e["finished_at"] for e in entries[:1]]
    return max(ends, default=None)


def _table_lag(
    settings: Settings, table: Table, read: Sequence[dict[str, Any]], now: datetime
) -> tuple[int, float] | None:
    """Rows of the table that are not read yet by these batches, and the age of the commit with the oldest of them."""
    if not _is_there(settings, table):
        return None
    log = deltalake.DeltaTable(f"{settings.lake}/{table.path}")
    gone = erased(settings.lake, table, log, since=read[0]["finished_at"]) if read else []  # read, and erased since
    unread = _rows(log) + sum(part.rows_erased for part in gone) - sum(batch["rows_read"] for batch in read)
    if unread <= 0:
        return 0, 0.0
    left = unread
    oldest = now
    for commit in commit_history(log):  # newest first: the unread rows are those of the newest commits
        if left <= 0:
            break
        left -= int(commit.get("operationMetrics", {}).get("numOutputRows", 0))
        oldest = _instant(commit["timestamp"])
    return unread, (now - oldest).total_seconds()


def _table(settings: Settings, table: Table, now: datetime) -> TableStatus:
    log = deltalake.DeltaTable(f"{settings.lake}/{table.path}")
    actions = _files(log)
    names = actions.schema.names
    newest = pc.max(actions["max.observed_at"]).as_py() if "max.observed_at" in names and len(actions["path"]) else None
    return TableStatus(
        table=table.name,
        rows=_rows(log),
        version=log.version(),
        files=len(actions["path"]),
        size_mb=(pc.sum(actions["size_bytes"]).as_py() or 0) / 1e6,
        age_seconds=(now - _instant(next(commit_history(log))["timestamp"])).total_seconds(),
        newest_at=newest,
    )


def _rows(log: deltalake.DeltaTable) -> int:
    return int(pc.sum(_files(log)["num_records"]).as_py() or 0)


def _files(log: deltalake.DeltaTable) -> pa.Table:
    return pa.table(log.get_add_actions(flatten=True))


def _is_there(settings: Settings, table: Table) -> bool:
    return bool(deltalake.DeltaTable.is_deltatable(f"{settings.lake}/{table.path}"))


def _instant(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)


def _broker(settings: Settings, now: datetime) -> tuple[str, list[TopicStatus], dict[str, tuple[int, float]]]:
    """State of the broker, its topics, and the lag of each Bronze stream."""
    watch = Watch.of(settings, "consumer")
    config = {
        **client_config(settings),
        "group.id": f"maritime-status-{uuid.uuid4()}",  # assigned by hand: no group is joined
        "enable.auto.commit": False,
        "log_level": 0,
        "error_cb": watch,
    }
    consumer = Consumer(config)
    try:
        known = consumer.list_topics(timeout=ANSWER_SECONDS).topics
        wanted = [t for topic in TOPICS for t in (topic, topic.dead_letter) if t.name in known]
        topics = [_topic(consumer, topic, list(known[topic.name].partitions)) for topic in wanted]
        lags = {name: _topic_lag(consumer, settings, name, status, now) for name, status in _read_by(topics)}
    except KafkaException as error:
        consumer.poll(0)  # serves the complaints that tell why
        refusal = watch.explain(error.args[0], "read the topics") or watch.refusal
        return str(refusal or f"{settings.kafka_servers} is away: {error.args[0].str()}"), [], {}
    finally:
        consumer.close()
    return "up", topics, lags


def _read_by(topics: Sequence[TopicStatus]) -> list[tuple[str, TopicStatus]]:
    return [(name, status) for name, topic in TOPIC_OF.items() for status in topics if status.topic == topic.name]


def _topic(consumer: Consumer, topic: Topic, partitions: Sequence[int]) -> TopicStatus:
    marks = {
        number: consumer.get_watermark_offsets(TopicPartition(topic.name, number), timeout=ANSWER_SECONDS)
        for number in sorted(partitions)
    }
    return TopicStatus(topic.name, sum(high - low for low, high in marks.values()), marks)


def _topic_lag(
    consumer: Consumer, settings: Settings, stream: str, status: TopicStatus, now: datetime
) -> tuple[int, float]:
    """Records that Bronze has not taken, by the ledger's offset ranges, and the age of the oldest of them."""
    taken = origins.reached(origins.origins(settings.lake, stream), ledger.entries(settings.lake, stream)).offsets
    unread = {number: (max(taken.get(number, low), low), high) for number, (low, high) in status.partitions.items()}
    behind = {number: start for number, (start, high) in unread.items() if high > start}
    records = sum(high - start for start, high in unread.values() if high > start)
    return records, _age_of_first(consumer, status.topic, behind, now)


def _age_of_first(consumer: Consumer, topic: str, starts: dict[int, int], now: datetime) -> float:
    """Age in seconds of the oldest record among those at these offsets; 0 without any."""
    if not starts:
        return 0.0
    consumer.assign([TopicPartition(topic, number, start) for number, start in starts.items()])
    waiting, oldest = set(starts), now
    deadline = datetime.now(UTC) + timedelta(seconds=ANSWER_SECONDS)
    while waiting and datetime.now(UTC) < deadline:
        message = consumer.poll(0.2)
        number = message.partition() if message and not message.error() else None
        if message is None or number is None or number not in waiting:
            continue
        waiting.discard(number)
        consumer.pause([TopicPartition(topic, number)])
        oldest = min(oldest, _instant(message.timestamp()[1]))
    consumer.unassign()
    return (now - oldest).total_seconds()
