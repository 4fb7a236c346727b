"""The whole recount: reads the ledger, the tables and the broker's marks, and hands them to the checks.

Streams may go on meanwhile. What they write while it counts is told from what is wrong by the order of reading:
checkpoints first, then the ledger, then the tables, and the broker last.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import deltalake

from contracts import tables as t
from contracts.errors import InputError
from contracts.settings import Settings
from contracts.tables import BRONZE, OPS_LEDGER, Table
from contracts.topics import AIS, TOPICS, Topic
from infra.marks import TopicState
from lakehouse import deliveries, ledger, origins
from lakehouse.checkpoints import checkpoint, read_offsets, version_read
from lakehouse.erasure.account import erased, erased_places
from lakehouse.recount import rows, topics
from lakehouse.recount.account import Batch, batch_of
from lakehouse.recount.batches import accepted_losses, contiguity, half_done, identities, numbering, versions
from lakehouse.recount.findings import Finding
from lakehouse.recount.reading import Lake, batches, days, file_findings, places
from lakehouse.recount.spans import Groups, Offsets, Span, Tally, runs
from lakehouse.recount.tracks import segment_positions

MEASURED = {
    "ais": t.SILVER_POSITIONS,
    "sensors": t.SILVER_SENSORS,
    "alerts": t.SILVER_ALERTS,
    "voyage_events": t.SILVER_VOYAGE_EVENTS,
}
"""Where each topic's accepted events are."""
GOLD_STREAM = "gold.vessels"


@dataclass(frozen=True, slots=True)
class Recount:
    """Everything that was found, and how much was counted."""

    findings: list[Finding]
    batches: int
    counted: Mapping[str, int]

    @property
    def differences(self) -> list[Finding]:
        """What does not add up."""
        return [finding for finding in self.findings if finding.is_difference]


class _Counting:
    """One recount under way."""

    def __init__(
        self, settings: Settings, entries: list[dict[str, Any]], done: Mapping[str, Mapping[str, int]]
    ) -> None:
        self.settings, self.entries, self.done = settings, entries, done
        self.lake = Lake(settings.lake)
        self.counted: dict[str, int] = {}

    def entries_of(self, stream: str) -> list[dict[str, Any]]:
        return [entry for entry in self.entries if entry["stream"] == stream]

    def batches_of(self, stream: str, tables: Sequence[Table]) -> list[Batch]:
        """Batches of the stream: those of the ledger, and those that only its tables hold."""
        entered = [batch_of(entry) for entry in self.entries_of(stream)]
        names = {batch.name for batch in entered}
        others: dict[tuple[str, int], Batch] = {}
        for commit in (commit for table in tables for commit in self.lake.commits(table)):
            if commit.app_id.startswith(f"{stream}:") and (commit.app_id, commit.batch_id) not in names:
                batch = Batch(
                    stream, commit.batch_id, commit.app_id, commit.ranges, 0, 0, 0, 0, 0,
                    commit.committed_at, is_entered=False,
                )  # fmt: skip
                others[batch.name] = batch
        return [*entered, *others.values()]

    def bronze(self, topic: Topic) -> Iterator[Finding]:
        stream, table = f"bronze.{topic.short}", BRONZE[topic]
        log = self.lake.log(table)
        found = self.batches_of(stream, [table])
        entered = [batch for batch in found if batch.is_entered]
        yield from self.ledger_alone(stream, found)
        yield from versions(table.name, entered, self.lake.commits(table))
        starts = origins.origins(self.settings.lake, stream)
        yield from contiguity(stream, entered, self.entries_of(stream), starts)
        held: dict[int, list[Span]] = {}
        if log:
            yield from file_findings(table, log)
            for partition, offsets in self.held(table, log):
                held.setdefault(partition, []).extend(runs(offsets))
        self.counted[table.name] = sum(end - start for spans in held.values() for start, end in spans)
        yield from rows.bronze_rows(stream, found, held)

    def silver(self, topic: Topic) -> Iterator[Finding]:
        stream, measured = f"silver.{topic.short}", MEASURED[topic.short]
        accepted = [measured, t.SILVER_IDENTITIES] if topic == AIS else [measured]
        others = [t.SILVER_SEGMENTS] if topic == AIS else []
        segments = self.lake.log(t.SILVER_SEGMENTS)  # opened before the positions that it counts
        tables = [*accepted, *others, t.SILVER_QUARANTINE, t.SILVER_LATE]
        found = self.batches_of(stream, tables)
        yield from self.ledger_alone(stream, found)
        for table in tables:
            yield from versions(table.name, found, self.lake.commits(table))
        yield from self.source_read(stream, BRONZE[topic], found)
        groups = Groups(found)
        of_stream = {"stream": stream}
        held_in: dict[str, dict[Table, dict[str, str]]] = {
            "rows_accepted": {measured: {}},
            "rows_quarantined": {t.SILVER_QUARANTINE: of_stream},
            "rows_late": {t.SILVER_LATE: of_stream},
        }
        if topic == AIS:  # a static report is accepted where it was the first to tell an identity in its hour
            held_in["rows_accepted"][t.SILVER_IDENTITIES] = {"event_type": "static"}
        for outcome, holders in held_in.items():
            replayed = Tally(groups)
            if outcome != "rows_quarantined":
                verdict = {**of_stream, "verdict": outcome.removeprefix("rows_")}
                self.tally({t.SILVER_VERDICTS: verdict}, replayed)
            held = Tally(groups)
            yield from self.tally(holders, held)
            names = " and ".join(table.name for table in holders)
            yield from rows.outcome_rows(stream, groups, outcome, names, held, replayed)
        if topic == AIS and segments and (positions := self.lake.log(measured)):
            yield from file_findings(t.SILVER_SEGMENTS, segments)
            yield from segment_positions(segments, positions)

    def tally(self, tables: Mapping[Table, Mapping[str, str]], into: Tally) -> list[Finding]:
        """Count the rows of these tables that have the values named; damaged files are found on the way."""
        found: list[Finding] = []
        for table, only in tables.items():
            if log := self.lake.log(table):
                found.extend(file_findings(table, log))
                for partition, offsets in self.held(table, log, only):
                    into.add(partition, offsets)
                    self.counted[table.name] = self.counted.get(table.name, 0) + len(offsets)
        return found

    def held(
        self,
        table: Table,
        log: deltalake.DeltaTable,
        only: Mapping[str, str] | None = None,
        since: datetime | None = None,
    ) -> Iterator[tuple[int, Offsets]]:
        """Places of the table's rows, and of those that were lawfully erased from it (after ``since``)."""
        yield from places(log, only or {})
        yield from erased_places(erased(self.settings.lake, table, log, since), only or {})

    def source_read(self, stream: str, source: Table, found: Sequence[Batch]) -> Iterator[Finding]:
        """A stream's batches of the present checkpoint against the version of its source that the last one reached."""
        yield from accepted_losses(origins.origins(self.settings.lake, stream))
        mine = _of_last_writer(found)
        if not mine or not (log := self.lake.log(source)):
            return
        groups = Groups([batch for batch in found if batch.app_id == mine[-1].app_id])
        tally = Tally(groups)
        then, is_partial = self.as_read(mine[-1], source)
        for partition, offsets in self.held(source, then or log, since=mine[0].finished_at):
            tally.add(partition, offsets)
        accepted: dict[int, list[Span]] = {}
        for gap in (gap for origin in origins.origins(self.settings.lake, stream) for gap in origin.gaps):
            accepted.setdefault(gap.partition, []).append((gap.start, gap.end))
        yield from rows.source_read(stream, source.name, groups, tally, accepted, is_partial=is_partial or then is None)

    def gold(self) -> Iterator[Finding]:
        found = self.batches_of(GOLD_STREAM, [t.GOLD_VESSEL_DAY, t.GOLD_VESSEL_LATEST])
        yield from self.ledger_alone(GOLD_STREAM, found)
        if _names_offsets(found):
            yield from self.source_read(GOLD_STREAM, t.SILVER_POSITIONS, found)
        mine = _of_last_writer(found)
        if not mine or not (vessel_days := self.lake.log(t.GOLD_VESSEL_DAY)):
            return
        yield from file_findings(t.GOLD_VESSEL_DAY, vessel_days)
        counted = days(batches(vessel_days, ["observed_on", "position_count"]), "observed_on", "position_count")
        self.counted["positions in gold.vessel_day"] = sum(counted.values())
        positions = Lake(self.settings.lake).log(t.SILVER_POSITIONS)  # opened after Gold, which may have counted these
        if positions is None:
            return
        now = days(batches(positions, ["observed_on"]), "observed_on")
        then, is_partial = self.as_read(mine[-1], t.SILVER_POSITIONS)
        if then is None or is_partial:
            yield from rows.gold_days(GOLD_STREAM, counted, {}, now)
            return
        at_read = now if then.version() == positions.version() else days(batches(then, ["observed_on"]), "observed_on")
        if not _names_offsets(found):
            yield from rows.gold_read(GOLD_STREAM, mine, sum(at_read.values()))
        yield from rows.gold_days(GOLD_STREAM, counted, at_read, now)

    def ledger_alone(self, stream: str, found: Sequence[Batch]) -> Iterator[Finding]:
        """What the ledger must fulfil by itself."""
        entered = [batch for batch in found if batch.is_entered]
        yield from identities(entered)
        yield from numbering(entered)
        yield from half_done(found, self.done.get(stream, {}))

    def as_read(self, batch: Batch, source: Table) -> tuple[deltalake.DeltaTable | None, bool]:
        """The source of a stream at the version that a batch has read to, and whether that only in part."""
        end = batch.source_end
        offset = json.loads(end) if end else read_offsets(self.settings, batch.stream, batch.batch_id)
        if offset is None:
            return None, True
        version, is_partial = version_read(offset)
        return self.lake.as_of(source, version), is_partial


def recount(settings: Settings, states: Mapping[str, TopicState] | None) -> Recount:
    """Recount everything.

    Args:
        settings: Where the lake is.
        states: Topics on the broker by name; null leaves the broker out.

    Raises:
        InputError: There is no lake.
    """
    streams = [f"{room}.{topic.short}" for topic in TOPICS for room in ("bronze", "silver")] + [GOLD_STREAM]
    done = {stream: _done(settings, stream) for stream in streams}
    lake = Lake(settings.lake)
    if lake.log(OPS_LEDGER) is None:
        raise InputError(f"No ledger below {settings.lake}: no stream has run there. Is MARITIME_LAKE_ROOT right?")
    counting = _Counting(settings, ledger.entries(settings.lake), done)
    findings: list[Finding] = []
    for topic in TOPICS:
        findings.extend(counting.bronze(topic))
        findings.extend(counting.silver(topic))
    findings.extend(counting.gold())
    findings.extend(identities([batch_of(entry) for entry in counting.entries if entry["stream"] not in streams]))
    if states is not None:
        findings.extend(_broker(settings, counting, states))
    return Recount(list(dict.fromkeys(findings)), len(counting.entries), counting.counted)


def _broker(settings: Settings, counting: _Counting, states: Mapping[str, TopicState]) -> Iterator[Finding]:
    counted = deliveries.deliveries(settings.lake)
    for topic in TOPICS:
        stream = f"bronze.{topic.short}"
        known = origins.reached(origins.origins(settings.lake, stream), counting.entries_of(stream))
        yield from topics.broker(stream, topic.name, known, states.get(topic.name))
        for name, told in ((topic.name, stream), (topic.dead_letter.name, topic.dead_letter.name)):
            if name in states:
                mine = [delivery for delivery in counted if delivery.kafka_topic == name]
                yield from topics.deliveries(told, mine, states[name])


def _names_offsets(found: Sequence[Batch]) -> bool:
    """Whether every batch with records names their offsets; Gold's batches of earlier releases do not."""
    return all(batch.spans or not batch.rows_read for batch in found)


def _of_last_writer(found: Sequence[Batch]) -> list[Batch]:
    """Entered batches of the stream's present checkpoint, in order."""
    entered = [batch for batch in found if batch.is_entered]
    if not entered:
        return []
    last = max(entered, key=lambda batch: batch.finished_at)
    return sorted((b for b in entered if b.app_id == last.app_id), key=lambda batch: batch.batch_id)


def _done(settings: Settings, stream: str) -> dict[str, int]:
    """Last batch that the stream's checkpoint holds as done, by its writer."""
    found = checkpoint(settings, stream)
    return {} if found is None or found.done is None else {f"{stream}:{found.checkpoint_id}": found.done}
