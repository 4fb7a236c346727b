"""What names a vessel, where the search finds it, and what a table's log may keep of it; without Spark or a broker."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from deltalake import write_deltalake
from pyais.encode import encode_dict

from contracts.errors import InputError
from contracts.settings import Settings
from contracts.tables import BRONZE_AIS, OPS_QUALITY, SILVER_POSITIONS
from infra.erasure.files import erase_in_files, named_files
from infra.erasure.subject import Subject
from lakehouse.erasure import account
from lakehouse.erasure.account import Erased
from lakehouse.erasure.history import clean_log, cleaned, delete_files
from lakehouse.erasure.scan import scan
from lakehouse.erasure.tables import erase_from
from lakehouse.ledger import OffsetRange
from lakehouse.status import _table_lag

MMSI, OTHER = 366053209, 366053210
SUBJECT = Subject(MMSI)
Kinds = dict[str, int]


def sentence(mmsi: int) -> bytes:
    """A position report as a receiver sends it: six bits a character."""
    return encode_dict({"type": 1, "mmsi": mmsi, "lat": 37.8, "lon": -122.3}, talker_id="AI", sentence_type="VDM")[
        0
    ].encode()


NAMING = [
    b"366053209",
    b'{"mmsi":366053209,"lat_deg":1}',
    b'{"event_id":"position-366053209-1700000000000-0a"}',
    b"000366053209",
    b'{"mmsi": 366053209.0}',
    b'{"mmsi": 3.66053209E8}',
    b"\xff\xfe 366053209 \xff",
    sentence(MMSI),
]
NOT_NAMING = [b"", b"1366053209", b"3660532090", b"366053210", b"3.66053209e9", sentence(OTHER), b"\xff\x00"]


@pytest.mark.parametrize("content", NAMING)
def test_a_vessel_is_found_however_a_record_names_it(content: bytes) -> None:
    assert SUBJECT.is_named_in(content)
    assert pc.match_substring_regex(pa.array([content]), SUBJECT.pattern).to_pylist() == [True]


@pytest.mark.parametrize("content", NOT_NAMING)
def test_another_number_is_not_taken_for_the_vessel(content: bytes) -> None:
    assert not SUBJECT.is_named_in(content)
    assert pc.match_substring_regex(pa.array([content]), SUBJECT.pattern).to_pylist() == [False]


@pytest.mark.parametrize("number", [0, 123, 999_999, 1_000_000_000])
def test_a_number_that_is_no_mmsi_is_refused(number: int) -> None:
    with pytest.raises(InputError, match="9 digits"):
        Subject(number)


def test_the_hash_of_a_vessel_needs_the_key() -> None:
    assert SUBJECT.hashed(b"one") != SUBJECT.hashed(b"two")
    assert str(MMSI) not in SUBJECT.hashed(b"one")


@pytest.fixture
def lake(settings: Settings) -> Path:
    """A folder for tables, with one that names nobody of interest."""
    root = Path(settings.lake)
    write_deltalake(str(root / SILVER_POSITIONS.path), pa.table({"mmsi": [OTHER], "sog_kn": [1.5]}))
    return root


def kinds(lake: Path) -> Kinds:
    found: Kinds = {}
    for hit in scan(str(lake), SUBJECT):
        found[hit.kind] = found.get(hit.kind, 0) + hit.count
    return found


def test_a_lake_that_does_not_name_the_vessel_has_no_hits(lake: Path) -> None:
    assert scan(str(lake), SUBJECT) == []


def plant_in_a_column(lake: Path) -> None:
    table = pa.table({"mmsi": [OTHER, MMSI, MMSI, OTHER + 1]})
    pq.write_table(table, lake / "old.parquet", compression="zstd", write_statistics=False, use_dictionary=False)


def plant_in_raw_bytes(lake: Path) -> None:
    values = pa.array([b"\xff", b'{"mmsi":366053209}'], pa.binary())
    pq.write_table(pa.table({"value": values}), lake / "raw.parquet")


def plant_in_a_header(lake: Path) -> None:
    kind = pa.list_(pa.struct([("key", pa.string()), ("value", pa.binary())]))
    rows = pa.array([[], [{"key": "mmsi", "value": b"366053209"}]], kind)
    pq.write_table(pa.table({"headers": rows}), lake / "headers.parquet")


def plant_in_bytes_of_a_footer(lake: Path) -> None:
    table = pa.table({"n": [1]}).replace_schema_metadata({"made for": "366053209"})
    pq.write_table(table, lake / "footer.parquet")


def plant_in_a_commit(lake: Path) -> None:
    log = lake / SILVER_POSITIONS.path / "_delta_log"
    (log / f"{1:020d}.json").write_text(json.dumps({"commitInfo": {"predicate": f"mmsi = {MMSI}"}}))


def plant_in_a_checkpoint(lake: Path) -> None:
    stats = pa.array(['{"numRecords":1,"minValues":{"mmsi":366053209}}'])
    add = pa.StructArray.from_arrays([stats], names=["stats"])
    pq.write_table(pa.table({"add": add}), lake / SILVER_POSITIONS.path / "_delta_log" / "0.checkpoint.parquet")


def plant_in_a_stream_checkpoint(lake: Path) -> None:
    folder = lake / "_checkpoints" / "silver.ais" / "offsets"
    folder.mkdir(parents=True)
    (folder / "0").write_text('v1\n{"key":"366053209"}')


def plant_in_state(lake: Path) -> None:
    folder = lake / "_checkpoints" / "somebody" / "state" / "0"
    folder.mkdir(parents=True)
    (folder / "1.zip").write_bytes(b"who knows")


def plant_in_another_file(lake: Path) -> None:
    (lake / "notes.txt").write_text("see 366053209")


@pytest.mark.parametrize(
    ("plant", "found"),
    [
        (plant_in_a_column, {"data file": 2}),
        (plant_in_raw_bytes, {"data file": 1}),
        (plant_in_a_header, {"data file": 1}),
        (plant_in_bytes_of_a_footer, {"data file": 1}),
        (plant_in_a_commit, {"Delta log": 1}),
        (plant_in_a_checkpoint, {"Delta log": 1}),
        (plant_in_a_stream_checkpoint, {"stream checkpoint": 1}),
        (plant_in_state, {"state that cannot be read": 1}),
        (plant_in_another_file, {"file": 1}),
    ],
)
def test_the_search_finds_what_is_planted_in_each_kind_of_place(
    lake: Path, plant: Callable[[Path], None], found: Kinds
) -> None:
    plant(lake)

    assert kinds(lake) == found


def test_of_a_file_that_is_gone_the_log_keeps_path_and_row_count_and_nothing_of_its_values() -> None:
    stats = json.dumps({"numRecords": 3, "minValues": {"vessel_name": "ANNA"}})
    gone = {"add": {"path": "a%20b.parquet", "size": 1, "dataChange": True, "stats": stats, "tags": {"by": "x"}}}
    line = json.dumps(gone).encode()

    after = json.loads(cleaned(line, {"other.parquet"}, SUBJECT))

    assert after == {"add": {"path": "a%20b.parquet", "size": 1, "dataChange": True, "stats": '{"numRecords":3}'}}
    assert cleaned(line, {"a b.parquet"}, SUBJECT) == line
    assert cleaned(json.dumps(after).encode(), {}, SUBJECT) == json.dumps(after).encode()


def test_the_commit_of_an_erasure_says_that_no_data_changed_so_that_streams_pass_over_it() -> None:
    line = json.dumps({"remove": {"path": "a.parquet", "dataChange": True}}).encode()

    assert json.loads(cleaned(line, {"a.parquet"}, SUBJECT, of_erasure=True))["remove"]["dataChange"] is False
    assert cleaned(line, {"a.parquet"}, SUBJECT) == line


def test_a_predicate_that_names_the_vessel_is_taken_out_of_a_commit_and_the_batch_it_tells_of_stays() -> None:
    info = {"operationParameters": {"predicate": f"(mmsi = {MMSI})"}, "userMetadata": '{"batch_id":7}'}

    after = json.loads(cleaned(json.dumps({"commitInfo": info}).encode(), {}, SUBJECT))

    assert after == {
        "commitInfo": {"operationParameters": {"predicate": "erased"}, "userMetadata": '{"batch_id":7}'},
    }  # fmt: skip


def test_a_cleaned_log_tells_every_version_still_and_names_nobody(lake: Path) -> None:
    path = str(lake / "table")
    for mmsi in (OTHER, MMSI):
        write_deltalake(path, pa.table({"mmsi": [mmsi], "vessel_name": [f"NAME {mmsi}"]}), mode="append")
    deltalake.DeltaTable(path).create_checkpoint()
    deltalake.DeltaTable(path).delete(f"mmsi = {MMSI}")
    doomed = [hit.where.removeprefix("table/") for hit in scan(str(lake), SUBJECT) if hit.kind == "data file"]
    before = deltalake.DeltaTable(path).to_pyarrow_table().to_pylist()
    written_at = [file.stat().st_mtime_ns for file in sorted(Path(path, "_delta_log").glob("*[0-9].json"))]

    delete_files(path, doomed)
    first = clean_log(path, SUBJECT, lambda: deltalake.DeltaTable(path).create_checkpoint())
    again = clean_log(path, SUBJECT, lambda: pytest.fail("nothing was left to do"))

    assert (len(doomed), first, again) == (1, 2, 0)
    assert scan(str(lake), SUBJECT) == []
    assert b"NAME 366053209" not in b"".join(file.read_bytes() for file in Path(path).rglob("*") if file.is_file())
    assert deltalake.DeltaTable(path).to_pyarrow_table().to_pylist() == before
    assert [commit["version"] for commit in deltalake.DeltaTable(path).history()] == [2, 1, 0]
    assert [file.stat().st_mtime_ns for file in sorted(Path(path, "_delta_log").glob("*[0-9].json"))] == written_at


def test_an_account_of_what_happened_keeps_its_row_without_the_number(settings: Settings) -> None:
    path = f"{settings.lake}/{OPS_QUALITY.path}"
    row: dict[str, Any] = {
        field.name: pa.nulls(1, pa.string()) for field in OPS_QUALITY.fields if field.type == "string"
    }
    write_deltalake(path, pa.table({**row, "run_id": ["r"], "examples": [f'["{MMSI}", 7]']}))

    done = erase_from(
        OPS_QUALITY, settings, lambda: pytest.fail("no Spark"), SUBJECT, "e", scan(settings.lake, SUBJECT)
    )

    assert (done.rows, done.files) == (1, 1)
    assert [r["examples"] for r in deltalake.DeltaTable(path).to_pyarrow_table().to_pylist()] == ['["erased", 7]']
    assert scan(settings.lake, SUBJECT) == []


def test_what_was_to_be_erased_counts_once_the_tables_log_holds_the_erasure(settings: Settings) -> None:
    path = f"{settings.lake}/{BRONZE_AIS.path}"
    rows = pa.table({"kafka_offset": [1, 2]})
    write_deltalake(path, rows)
    erased = Erased("e", BRONZE_AIS.name, None, None, None, 1, (OffsetRange("", 0, 3, 5),), datetime.now(UTC))

    account.record(settings.lake, [erased])
    before = account.erased(settings.lake, BRONZE_AIS, deltalake.DeltaTable(path))
    transaction = deltalake.Transaction(account.app_id("e", BRONZE_AIS.name), 0)
    properties = deltalake.CommitProperties(app_transactions=[transaction])
    write_deltalake(path, rows, mode="append", commit_properties=properties)
    after = account.erased(settings.lake, BRONZE_AIS, deltalake.DeltaTable(path))

    assert (before, len(after)) == ([], 1)
    assert [(p, o.tolist()) for p, o in account.erased_places(after, {})] == [(0, [3, 4])]
    assert list(account.erased_places(after, {"stream": "silver.ais"})) == []
    assert account.erased(settings.lake, BRONZE_AIS, deltalake.DeltaTable(path), datetime.now(UTC)) == []


def test_rows_that_were_read_and_then_erased_do_not_hide_a_lag(settings: Settings) -> None:
    path = f"{settings.lake}/{BRONZE_AIS.path}"
    began = datetime(2026, 1, 1, tzinfo=UTC)
    transaction = deltalake.Transaction(account.app_id("e", BRONZE_AIS.name), 0)
    properties = deltalake.CommitProperties(app_transactions=[transaction])
    write_deltalake(path, pa.table({"kafka_offset": [1, 2, 3, 4]}), commit_properties=properties)
    batch = {"app_id": "a", "rows_read": 5, "finished_at": began}

    before = _table_lag(settings, BRONZE_AIS, [batch], datetime.now(UTC))
    account.record(settings.lake, [Erased("e", BRONZE_AIS.name, None, None, None, 2, (), datetime.now(UTC))])
    after = _table_lag(settings, BRONZE_AIS, [batch], datetime.now(UTC))

    assert (before, after and after[0]) == ((0, 0.0), 1)


def test_files_of_the_home_lose_the_vessel_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "voyages.html").write_text("<td>366053209</td>")
    (tmp_path / "alerts.jsonl").write_bytes(b'{"mmsi":366053209}\n{"mmsi":366053210}\n')
    (tmp_path / "mine.txt").write_text("366053209")
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database:
        database.execute("CREATE TABLE done (sink TEXT, event_id TEXT)")
        database.executemany("INSERT INTO done VALUES ('log', ?)", [("alert-366053209-1",), ("alert-366053210-1",)])
        database.commit()

    hits = named_files(tmp_path, SUBJECT, [tmp_path / "lake"])
    erase_in_files(hits, SUBJECT, [tmp_path / "reports"])

    assert len(hits) == 4
    assert [Path(hit.where).name for hit in named_files(tmp_path, SUBJECT, [])] == ["mine.txt"]
    assert (tmp_path / "alerts.jsonl").read_bytes() == b'{"mmsi":366053210}\n'
    with closing(sqlite3.connect(tmp_path / "journal.db")) as database:
        assert database.execute("SELECT event_id FROM done").fetchall() == [("alert-366053210-1",)]


def test_a_report_that_names_the_vessel_in_packed_rows_is_found_and_deleted(tmp_path: Path) -> None:
    reports = tmp_path / "reports"
    reports.mkdir()
    for name, mmsi in (("mine", MMSI), ("other", OTHER)):
        pq.write_table(pa.table({"mmsi": [OTHER, mmsi]}), reports / f"{name}.parquet", compression="zstd")
    (reports / "not.parquet").write_bytes(b"366053209")

    hits = named_files(tmp_path, SUBJECT, [])
    erase_in_files(hits, SUBJECT, [reports])

    assert [(Path(hit.where).name, hit.count) for hit in hits] == [("mine.parquet", 1), ("not.parquet", 1)]
    assert [path.name for path in reports.iterdir()] == ["other.parquet"]
