"""The recount finds what does not add up in a lake of real Delta tables, and names it."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pytest
from click.testing import CliRunner
from deltalake import write_deltalake
from deltalake.schema import PrimitiveType

from contracts import tables as t
from contracts.settings import Settings
from contracts.tables import BRONZE_AIS, OPS_LEDGER, Table
from contracts.topics import AIS
from infra import marks
from infra.marks import TopicState
from lakehouse import ledger, origins
from lakehouse.commits import Commit
from lakehouse.deliveries import Delivery
from lakehouse.ledger import Entry, OffsetRange
from lakehouse.ops_rows import arrow_rows
from lakehouse.origins import FIRST_START, Origin, reached
from lakehouse.recount.account import batch_of
from lakehouse.recount.batches import versions
from lakehouse.recount.counting import recount
from lakehouse.recount.findings import Finding
from lakehouse.recount.topics import broker, deliveries
from maritime.verify_ledger import verify_ledger

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
DAY = date(2026, 1, 1)
BATCHES = (((0, 0, 10), (1, 0, 4)), ((0, 10, 20),), ((0, 20, 25), (1, 4, 9)))
"""Partition, start and end of the ranges of three batches: 34 records."""
REFUSED, LATE, REPEATED = {(0, 3)}, {(1, 5)}, {(0, 12), (0, 13)}


class Lake:
    """A small lake as the streams leave it: Bronze, Silver and Gold of one topic, with its ledger."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        write_deltalake(self.path(OPS_LEDGER), arrow_rows(OPS_LEDGER, []))
        origins.record(settings.lake, Origin("bronze.ais", BEGAN, AIS.name, "id-1", FIRST_START, {"0": 0, "1": 0}))
        for number in range(len(BATCHES)):
            self.land(number)
        for number in range(len(BATCHES)):
            self.clean(number)
        self.note_read("silver.ais", 2, 3)
        self.append(t.GOLD_VESSEL_DAY, {"observed_on": [DAY], "position_count": [30]})
        spans = (OffsetRange(AIS.name, 0, 0, 25), OffsetRange(AIS.name, 1, 0, 9))
        self.enter(Entry("gold.vessels", 0, "gold.vessels:c", spans, 30, 30, BEGAN, self.at(9)))
        self.note_read("gold.vessels", 0, 3)

    def land(self, number: int) -> None:
        places = self.places(number)
        self.append(BRONZE_AIS, columns(places))
        self.enter(self.bronze_entry(number))

    def bronze_entry(self, number: int) -> Entry:
        rows, spans = len(self.places(number)), self.spans(number)
        return Entry("bronze.ais", number, "bronze.ais:c", spans, rows, rows, BEGAN, self.at(number))

    def clean(self, number: int) -> None:
        places = self.places(number)
        accepted = [place for place in places if place not in REFUSED | LATE | REPEATED]
        of_stream = {"stream": ["silver.ais"]}
        self.append(t.SILVER_POSITIONS, {**columns(accepted), "observed_on": [DAY] * len(accepted)})
        for table, kind in ((t.SILVER_QUARANTINE, REFUSED), (t.SILVER_LATE, LATE)):
            if refused := [place for place in places if place in kind]:
                self.append(table, {**columns(refused), **of_stream})
        self.enter(
            Entry(
                stream="silver.ais",
                batch_id=number,
                app_id="silver.ais:c",
                ranges=self.spans(number),
                rows_read=len(places),
                rows_accepted=len(accepted),
                rows_quarantined=len(REFUSED & set(places)),
                rows_duplicate=len(REPEATED & set(places)),
                rows_late=len(LATE & set(places)),
                started_at=BEGAN,
                finished_at=self.at(number + 3),
            )
        )

    def enter(self, entry: Entry) -> None:
        ledger.record(self.settings.lake, entry)

    def append(self, table: Table, rows: dict[str, list[Any]]) -> None:
        types = {"kafka_partition": pa.int32(), "position_count": pa.int64()}
        arrays = {name: pa.array(values, types.get(name)) for name, values in rows.items()}
        write_deltalake(self.path(table), pa.table(arrays), mode="append")

    def note_read(self, stream: str, batch: int, version: int) -> None:
        """What the checkpoint says of the version of its source that a batch has read to: all before this one."""
        folder = Path(self.settings.checkpoints) / stream / "offsets"
        folder.mkdir(parents=True, exist_ok=True)
        offset = {"reservoirVersion": version, "index": -1, "isStartingVersion": False}
        (folder / str(batch)).write_text(f'v1\n{{"conf":{{}}}}\n{json.dumps(offset)}')

    def tamper(self, stream: str, batch: int, **changes: Any) -> None:
        """Write a row of the ledger anew."""
        rows = ledger.entries(self.settings.lake)
        for row in rows:
            if (row["stream"], row["batch_id"]) == (stream, batch):
                row.update(changes)
        write_deltalake(self.path(OPS_LEDGER), arrow_rows(OPS_LEDGER, rows), mode="overwrite")

    def log(self, table: Table) -> deltalake.DeltaTable:
        return deltalake.DeltaTable(self.path(table))

    def path(self, table: Table) -> str:
        return f"{self.settings.lake}/{table.path}"

    def differences(self) -> list[Finding]:
        return recount(self.settings, None).differences

    @staticmethod
    def places(number: int) -> list[tuple[int, int]]:
        return [(partition, offset) for partition, start, end in BATCHES[number] for offset in range(start, end)]

    @staticmethod
    def spans(number: int) -> tuple[OffsetRange, ...]:
        return tuple(OffsetRange(AIS.name, *span) for span in BATCHES[number])

    @staticmethod
    def at(step: int) -> datetime:
        return BEGAN + timedelta(seconds=step + 1)


def columns(places: list[tuple[int, int]]) -> dict[str, list[Any]]:
    return {"kafka_partition": [p for p, _ in places], "kafka_offset": [o for _, o in places]}


@pytest.fixture
def lake(settings: Settings) -> Lake:
    return Lake(settings)


def named(found: list[Finding], stream: str) -> list[tuple[Any, ...]]:
    return [(f.batches, f.partition, f.start, f.end) for f in found if f.stream == stream]


def test_a_sound_lake_adds_up(lake: Lake) -> None:
    assert recount(lake.settings, None).findings == []


def test_a_deleted_file_is_named_with_the_batch_and_the_offsets_that_were_in_it(lake: Lake) -> None:
    (newest,) = set(lake.log(BRONZE_AIS).file_uris()) - set(
        deltalake.DeltaTable(lake.path(BRONZE_AIS), version=1).file_uris()
    )
    Path(newest).unlink()

    found = lake.differences()

    assert named(found, "bronze.ais")[1:] == [((2,), 0, 20, 25), ((2,), 1, 4, 9)]
    assert any(Path(newest).name in f.text and "is gone" in f.text for f in found)
    assert any(f.stream == "silver.ais" and "bronze.ais holds 0" in f.text for f in found)


def test_a_file_that_was_cut_short_is_named(lake: Lake) -> None:
    path = Path(lake.log(t.SILVER_LATE).file_uris()[0])
    path.write_bytes(path.read_bytes()[:-10])

    found = lake.differences()

    assert any(path.name in f.text and "bytes long" in f.text for f in found)
    assert named(found, "silver.ais") == [((2,), None, None, None)]


def test_a_batch_that_was_written_twice_is_named(lake: Lake) -> None:
    lake.append(BRONZE_AIS, columns(lake.places(1)))

    found = lake.differences()

    assert named(found, "bronze.ais") == [((1,), 0, 10, 20)]
    assert "10 rows are there 2 times" in found[0].text


def test_a_single_missing_row_is_named_by_its_offset(lake: Lake) -> None:
    lake.log(BRONZE_AIS).delete("kafka_partition = 0 AND kafka_offset = 14")

    assert named(lake.differences(), "bronze.ais") == [((1,), 0, 14, 15)]


def test_rows_that_no_batch_names_are_found(lake: Lake) -> None:
    lake.append(BRONZE_AIS, columns([(1, 40), (1, 41)]))
    lake.append(t.SILVER_POSITIONS, {**columns([(0, 70)]), "observed_on": [DAY]})

    found = lake.differences()

    assert named(found, "bronze.ais") == [((), 1, 40, 42)]
    assert ((), 0, 70, 71) in named(found, "silver.ais")


def test_an_offset_that_no_batch_holds_is_named(lake: Lake) -> None:
    lake.tamper("bronze.ais", 1, ranges=[asdict(OffsetRange(AIS.name, 0, 11, 20))], rows_read=9, rows_accepted=9)

    found = [f for f in lake.differences() if "no batch holds these offsets" in f.text]

    assert named(found, "bronze.ais") == [((1,), 0, 10, 11)]


def test_an_offset_that_two_batches_hold_is_named(lake: Lake) -> None:
    lake.tamper("bronze.ais", 1, ranges=[asdict(OffsetRange(AIS.name, 0, 8, 20))], rows_read=12, rows_accepted=12)

    assert ((1,), 0, 8, 10) in named([f for f in lake.differences() if "taken before" in f.text], "bronze.ais")


def test_a_ledger_row_that_was_tampered_with_is_named_even_where_its_sum_is_right(lake: Lake) -> None:
    lake.tamper("silver.ais", 1, rows_accepted=9, rows_duplicate=1)

    (found,) = lake.differences()

    assert (found.stream, found.batches) == ("silver.ais", (1,))
    assert "9 records accepted, but silver.positions and silver.identities holds 8" in found.text


def test_a_ledger_row_whose_sum_is_wrong_is_named(lake: Lake) -> None:
    lake.tamper("bronze.ais", 0, rows_read=13)

    assert {f.batches for f in lake.differences()} == {(0,)}


def test_a_ledger_row_that_is_gone_is_named(lake: Lake) -> None:
    lake.log(OPS_LEDGER).delete("stream = 'silver.ais' AND batch_id = 1")

    found = lake.differences()

    assert any(f.batches == (1,) and "is not in the ledger" in f.text for f in found)
    assert any("in bronze.ais, but skipped" in f.text and (f.partition, f.start, f.end) == (0, 10, 20) for f in found)


@pytest.mark.parametrize(
    ("table", "where", "batch"),
    [
        (t.SILVER_POSITIONS, "kafka_partition = 0 AND kafka_offset = 11", 1),
        (t.SILVER_QUARANTINE, "kafka_offset = 3", 0),
        (t.SILVER_LATE, "kafka_offset = 5", 2),
    ],
    ids=lambda value: value.name if isinstance(value, Table) else None,
)
def test_a_row_missing_in_silver_is_named_by_its_batch(lake: Lake, table: Table, where: str, batch: int) -> None:
    lake.log(table).delete(where)

    found = [f for f in lake.differences() if f.stream == "silver.ais"]

    assert [(f.batches, table.name in f.text) for f in found] == [((batch,), True)]


def test_bronze_rows_that_silver_did_not_read_yet_are_no_difference(lake: Lake) -> None:
    lake.append(BRONZE_AIS, columns([(0, 25)]))
    lake.enter(Entry("bronze.ais", 3, "bronze.ais:c", (OffsetRange(AIS.name, 0, 25, 26),), 1, 1, BEGAN, lake.at(12)))

    assert lake.differences() == []


def test_a_replay_of_the_quarantine_is_counted_as_such(lake: Lake) -> None:
    lake.append(t.SILVER_POSITIONS, {**columns(sorted(REFUSED)), "observed_on": [DAY]})
    assert any("30 rows" in f.text or "holds" in f.text for f in lake.differences())

    lake.append(t.SILVER_VERDICTS, {**columns(sorted(REFUSED)), "stream": ["silver.ais"], "verdict": ["accepted"]})

    assert [f for f in lake.differences() if f.stream == "silver.ais"] == []


def test_a_day_that_gold_counts_otherwise_than_silver_is_named(lake: Lake) -> None:
    lake.log(t.GOLD_VESSEL_DAY).update({"position_count": "31"})
    lake.tamper("gold.vessels", 0, versions={t.GOLD_VESSEL_DAY.name: 1})

    (found,) = lake.differences()

    assert "2026-01-01: gold.vessel_day counts 31 positions, silver.positions holds 30" in found.text


TRACK, OVER, OF_BEFORE = "366053209-2026", "366053210-2026", "366053209-1970"


@pytest.fixture
def with_tracks(lake: Lake) -> Lake:
    """Three positions of a track that goes on, of which two are told, and two of one that is over."""
    names = [TRACK, TRACK, TRACK, OVER, OVER]
    lake.log(t.SILVER_POSITIONS).alter.add_columns(deltalake.Field("segment_id", PrimitiveType("string")))
    log = lake.log(t.SILVER_POSITIONS)
    for offset, name in enumerate(names, start=4):
        log.update({"segment_id": f"'{name}'"}, predicate=f"kafka_partition = 0 AND kafka_offset = {offset}")
    lake.note_read("gold.vessels", 0, log.version() + 1)
    lake.append(
        t.SILVER_SEGMENTS,
        {
            "segment_id": [TRACK, OVER, OF_BEFORE],
            "began_at": [BEGAN, BEGAN, datetime(1970, 1, 1, tzinfo=UTC)],
            "position_count": [2, 2, 25],
            "is_open": [True, False, True],
        },
    )
    return lake


def test_tracks_that_count_their_positions_add_up(with_tracks: Lake) -> None:
    assert with_tracks.differences() == []


@pytest.mark.parametrize(
    ("segment", "counted", "held"), [(TRACK, 4, 3), (OVER, 1, 2), (OVER, 3, 2)], ids=["lost", "one more", "one less"]
)
def test_a_track_that_counts_other_positions_than_there_are_is_named(
    with_tracks: Lake, segment: str, counted: int, held: int
) -> None:
    with_tracks.log(t.SILVER_SEGMENTS).update({"position_count": f"{counted}"}, predicate=f"segment_id = '{segment}'")

    (found,) = with_tracks.differences()

    assert found.text == f"{segment} counts {counted} positions, silver.positions holds {held} of it"


def test_positions_that_gold_did_not_read_are_named_by_their_offsets(lake: Lake) -> None:
    spans = [asdict(OffsetRange(AIS.name, 0, 0, 20)), asdict(OffsetRange(AIS.name, 1, 0, 9))]
    lake.tamper("gold.vessels", 0, ranges=spans, rows_read=25, rows_accepted=25)
    lake.log(t.GOLD_VESSEL_DAY).update({"position_count": "25"})

    found = [f for f in lake.differences() if f.partition is not None]

    assert named(found, "gold.vessels") == [((), 0, 20, 25)]
    assert "in silver.positions, but skipped" in found[0].text


@pytest.mark.parametrize("ranges", [None, []], ids=["today", "of an earlier release, without offsets"])
def test_a_batch_of_gold_with_another_count_than_silver_is_named(lake: Lake, ranges: list[Any] | None) -> None:
    lake.tamper("gold.vessels", 0, rows_read=22, rows_accepted=22, **({} if ranges is None else {"ranges": ranges}))

    assert any(f.batches == (0,) and "22" in f.text and "30" in f.text for f in lake.differences())


def test_offsets_that_silver_left_out_count_as_named_only_where_a_recovery_names_them(lake: Lake) -> None:
    lake.append(BRONZE_AIS, columns([(1, 9), (1, 10)]))
    span = OffsetRange(AIS.name, 1, 9, 11)
    lake.enter(Entry("bronze.ais", 3, "bronze.ais:c", (span,), 2, 2, BEGAN, lake.at(12)))
    lake.note_read("silver.ais", 2, 4)
    assert named(lake.differences(), "silver.ais") == [((), 1, 9, 11)]

    origin = Origin("silver.ais", lake.at(20), AIS.name, "", "bronze.ais was changed", {}, (span,))
    origins.record(lake.settings.lake, origin)

    found = recount(lake.settings, None)
    assert found.differences == []
    assert named(found.findings, "silver.ais") == [((), 1, 9, 11)]


def test_a_batch_is_in_a_tables_log_once_and_as_the_version_that_the_ledger_names() -> None:
    batch = batch_of(
        asdict(Entry("bronze.ais", 1, "bronze.ais:c", (), 0, 0, BEGAN, BEGAN, versions={BRONZE_AIS.name: 4}))
    )
    commit = Commit("bronze.ais:c", 1, (), 0, 4, BEGAN)

    def found(*logged: Commit) -> list[str]:
        return [f.text for f in versions(BRONZE_AIS.name, [batch], logged) if f.batches == (1,)]

    assert found(commit, replace(commit, batch_id=2, version=5)) == []
    assert found(replace(commit, version=6)) == ["batch 1: is version 6 of bronze.ais, but the ledger says 4"]
    assert found(commit, replace(commit, version=6)) == ["batch 1: committed to bronze.ais twice, as version 4 and 6"]


@pytest.mark.parametrize(
    ("topic_id", "of", "is_difference", "place"),
    [
        ("id-1", {0: (0, 30), 1: (0, 9)}, False, (0, 25, 30)),
        ("id-1", {0: (27, 30), 1: (0, 9)}, True, (0, 25, 27)),
        ("id-1", {0: (0, 20), 1: (0, 9)}, True, (0, 20, 25)),
        ("id-1", {0: (0, 25)}, True, (1, None, None)),
        ("id-2", {0: (0, 40), 1: (0, 40)}, True, (None, None, None)),
    ],
    ids=["lag", "retention took unread records", "beyond the end", "partition gone", "made anew"],
)
def test_the_brokers_marks_are_compared_with_what_bronze_has_read(
    lake: Lake, topic_id: str, of: dict[int, tuple[int, int]], is_difference: bool, place: tuple[Any, ...]
) -> None:
    known = reached(origins.origins(lake.settings.lake, "bronze.ais"), ledger.entries(lake.settings.lake, "bronze.ais"))

    found = next(iter(broker("bronze.ais", AIS.name, known, TopicState(AIS.name, topic_id, of))))

    assert (found.is_difference, (found.partition, found.start, found.end)) == (is_difference, place)


def test_a_topic_that_was_made_anew_and_recovered_adds_up(lake: Lake) -> None:
    starts = {"0": 0, "1": 0}
    origins.record(lake.settings.lake, Origin("bronze.ais", lake.at(20), AIS.name, "id-2", "topic made anew", starts))
    lake.append(BRONZE_AIS, columns([(0, 0), (0, 1)]))
    again = replace(lake.bronze_entry(0), app_id="bronze.ais:c2", ranges=(OffsetRange(AIS.name, 0, 0, 2),))
    lake.enter(replace(again, rows_read=2, rows_accepted=2, finished_at=lake.at(30)))

    assert lake.differences() == []


def test_a_gap_counts_as_named_only_where_a_recovery_names_it(lake: Lake) -> None:
    gap = OffsetRange(AIS.name, 0, 25, 30)
    origin = Origin("bronze.ais", lake.at(20), AIS.name, "id-1", "retention", {"0": 30, "1": 9})
    origins.record(lake.settings.lake, origin)
    assert named(lake.differences(), "bronze.ais") == [((), 0, 25, 30)]

    origins.record(lake.settings.lake, replace(origin, started_at=lake.at(21), gaps=(gap,)))
    lake.log(t.OPS_ORIGINS).delete(f"started_at = '{lake.at(20):%Y-%m-%dT%H:%M:%SZ}'")

    found = recount(lake.settings, None)
    assert found.differences == []
    assert [(f.partition, f.start, f.end) for f in found.findings] == [(0, 25, 30)]


@pytest.fixture
def run(lake: Lake, monkeypatch: pytest.MonkeyPatch, free_port: Callable[[], int]) -> Callable[[], Any]:
    monkeypatch.setenv("MARITIME_HOME", str(lake.settings.home))
    monkeypatch.setenv("MARITIME_KAFKA_SERVERS", f"127.0.0.1:{free_port()}")
    monkeypatch.setattr(marks, "ANSWER_SECONDS", 0.5)
    return lambda: CliRunner().invoke(verify_ledger, ["--json"])


def test_the_command_ends_with_0_and_after_a_difference_with_1(lake: Lake, run: Callable[[], Any]) -> None:
    sound = run()
    assert (sound.exit_code, json.loads(sound.stdout)["adds_up"]) == (0, True)
    assert "Is it up?" in json.loads(sound.stdout)["broker"]

    lake.log(BRONZE_AIS).delete("kafka_offset = 14")

    broken = run()
    assert broken.exit_code == 1
    assert [d["batches"] for d in json.loads(broken.stdout)["differences"] if d["stream"] == "bronze.ais"] == [[1]]


def test_without_a_lake_the_command_says_so_and_ends_with_2(
    run: Callable[[], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARITIME_HOME", str(tmp_path / "nowhere"))

    result = run()

    assert result.exit_code == 2
    assert "No ledger" in result.stderr


@pytest.mark.parametrize(("delivered", "is_difference"), [(39, [True]), (34, []), (30, [False])])
def test_more_deliveries_than_the_topic_has_taken_are_a_loss_and_fewer_are_told(
    delivered: int, is_difference: list[bool]
) -> None:
    counted = [
        Delivery("r1", AIS.name, "id-1", delivered, BEGAN, BEGAN),
        Delivery("r2", AIS.name, "id-of-the-topic-before", 1_000, BEGAN, BEGAN),
    ]

    found = list(deliveries("bronze.ais", counted, TopicState(AIS.name, "id-1", {0: (5, 25), 1: (0, 9)})))

    assert [f.is_difference for f in found] == is_difference
