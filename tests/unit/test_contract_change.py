"""Contracts that change: what is made, what is told, what is refused, and by whom. No JVM."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import jsonschema
import pyarrow as pa
import pytest
from click.testing import CliRunner
from deltalake import write_deltalake
from pyspark.sql.types import LongType, StructField

from contracts.compatibility import JsonSchema, breaking_changes, event_schemas, schema_of, widening_changes
from contracts.errors import ContractError
from contracts.events import EVENTS, FORMER, Alert, Event, _wire
from contracts.fields import EXTRA, MMSI, NAV_STATUS, SOG_KN, SOURCE
from contracts.settings import Settings
from contracts.tables import SILVER_SHIP_REGISTER, Table
from contracts.topics import AIS, ALERTS, ContractMode
from infra import audit_log
from lakehouse.evolution import checkpoint_versions, events
from lakehouse.evolution.events import admit
from lakehouse.evolution.in_force import in_force
from lakehouse.evolution.tables import FILLED_PROPERTY, Found, shape_changes
from lakehouse.schema import stored_schema
from maritime.contract import contract
from producers.commands import produce
from producers.feeds import FEEDS
from producers.feeds.base import Context
from producers.feeds.events import _adapter
from producers.lines import Block
from producers.samples import NOAA_CSV

POSITION = "ais.position.v1"
TABLE = Table("silver.positions", "report", (MMSI, SOG_KN, NAV_STATUS, SOURCE), key=(MMSI,))
Schemas = dict[str, JsonSchema]


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> Callable[[Schemas], None]:
    """Make this process another release: with these events, which its schema files say as well."""

    def become(schemas: Schemas) -> None:
        for name in ("event_schemas", "committed_schemas"):
            monkeypatch.setattr(events, name, lambda: schemas)

    return become


def with_field(**fields: JsonSchema) -> Schemas:
    schemas = copy.deepcopy(event_schemas())
    schemas[POSITION]["properties"] |= fields
    return schemas


def mode(settings: Settings, of_ais: ContractMode) -> Settings:
    return settings.model_copy(update={"contract_ais": of_ais})


def test_the_first_producer_brings_its_events_into_force(settings: Settings) -> None:
    admit(settings, AIS)
    admit(settings, AIS)

    states = in_force(settings.lake)
    assert {name: state.contract_version for name, state in states.items()} == {POSITION: 1, "ais.static.v1": 1}


def test_a_new_optional_field_comes_into_force_with_the_first_producer_that_has_it(
    settings: Settings, program: Callable[[Schemas], None]
) -> None:
    admit(settings, AIS)
    program(with_field(sea_state={"type": "integer"}))

    admit(settings, AIS)

    state = in_force(settings.lake)[POSITION]
    assert (state.contract_version, json.loads(state.changes)) == (2, ["sea_state: new, optional"])


def test_a_producer_of_yesterday_goes_on_beside_a_new_one(
    settings: Settings, program: Callable[[Schemas], None]
) -> None:
    new = with_field(sea_state={"type": "integer"})
    new["ais.position.v2"] = new[POSITION]
    program(new)
    admit(settings, AIS)
    program(event_schemas())

    admit(settings, AIS)

    assert in_force(settings.lake)[POSITION].contract_version == 1


def test_a_frozen_contract_lets_nothing_new_be_published_before_it_is_applied(
    settings: Settings, program: Callable[[Schemas], None]
) -> None:
    frozen = mode(settings, "freeze")
    admit(frozen, AIS)
    program(with_field(sea_state={"type": "integer"}))

    with pytest.raises(ContractError, match=r"Nothing was published.*sea_state: new, optional.*contract apply"):
        admit(frozen, AIS)

    assert in_force(settings.lake)[POSITION].contract_version == 1


@pytest.mark.parametrize(
    ("sog_kn", "found"),
    [
        ({"type": "string"}, "sog_kn: type number is now"),
        ({"type": "number", "minimum": 0, "maximum": 50}, "sog_kn: maximum was 102.3, is 50"),
    ],
)
def test_an_event_that_would_be_misread_is_not_published(
    settings: Settings, program: Callable[[Schemas], None], sog_kn: JsonSchema, found: str
) -> None:
    admit(settings, AIS)
    program(with_field(sog_kn={"anyOf": [sog_kn, {"type": "null"}]}, sea_state={"type": "integer"}))

    with pytest.raises(ContractError, match=rf"Nothing was published.*{found}.*new version.*docs/contracts.md"):
        admit(settings, AIS)

    assert in_force(settings.lake)[POSITION].contract_version == 1


def test_a_producer_whose_event_breaks_ends_with_3_before_it_asks_the_broker(
    settings: Settings, program: Callable[[Schemas], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))
    monkeypatch.setenv("MARITIME_KAFKA_SERVERS", "127.0.0.1:1")  # nobody is there: it would end with 5
    admit(settings, AIS)
    program(with_field(sog_kn={"type": "string"}))

    done = CliRunner().invoke(produce, ["ais", "--from", "noaa", str(NOAA_CSV)])

    assert done.exit_code == 3
    assert "Nothing was published to maritime.ais.data" in done.stderr


def test_an_event_that_breaks_its_own_schema_file_is_not_published_either(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    schemas = copy.deepcopy(event_schemas())
    del schemas[POSITION]["properties"]["sog_kn"]
    monkeypatch.setattr(events, "event_schemas", lambda: schemas)

    with pytest.raises(ContractError, match=r"ais\.position\.v1: sog_kn: removed"):
        admit(settings, AIS)

    assert in_force(settings.lake) == {}


def test_a_renamed_and_a_removed_field_are_still_read_and_break_nobody() -> None:
    class Before(Event):
        event_type: Literal["x"] = "x"
        sog_kn: float = _wire(SOG_KN, required=True)
        nav_status: int | None = _wire(NAV_STATUS)

    class After(Event):
        event_type: Literal["x"] = "x"
        speed_kn: float = _wire(replace(SOG_KN, name="speed_kn", aliases=("sog_kn",)), required=True)
        nav_status: int | None = _wire(NAV_STATUS, retired=True)

    before, after = schema_of(Before), schema_of(After)
    of_yesterday = {"event_id": "a", "source": "s", "observed_at_ms": 1_700_000_000_000, "sog_kn": 1.0, "nav_status": 2}

    assert breaking_changes(before, after) == []
    assert widening_changes(before, after) == [
        "nav_status: removed; still read from events that have it",
        "sog_kn: renamed, now speed_kn; the former name is still read",
    ]
    assert After.model_validate(of_yesterday).model_dump()["speed_kn"] == 1.0
    jsonschema.validate(of_yesterday, after)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({name: value for name, value in of_yesterday.items() if name != "sog_kn"}, after)


class NewAlert(Alert):
    schema_version: Literal[2] = 2  # type: ignore[assignment]
    ship_name: str


def test_producers_publish_an_event_in_each_version_that_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(EVENTS, ALERTS, {"alert": NewAlert})
    monkeypatch.setitem(FORMER, ALERTS, {"alert": (Alert,)})
    _adapter.cache_clear()
    alert: dict[str, Any] = {
        "event_id": "a",
        "event_type": "alert",
        "source": "watch",
        "observed_at_ms": 1_700_000_000_000,
    }
    alert |= {"rule": "overspeed", "severity": "info", "message": "Fast."}
    of_each: list[dict[str, Any]] = [
        {"schema_version": 1},
        {"schema_version": 2, "ship_name": "EVER"},
        {"schema_version": 2},
    ]
    lines = [json.dumps(alert | told).encode() for told in [*of_each, {"schema_version": 3}]]

    (batch,) = FEEDS["events"].read(iter([Block(lines, 1)]), Context(ALERTS, "watch"))

    _adapter.cache_clear()
    assert [dict(headers)["schema-version"] for headers in batch.headers] == [b"1", b"2"]
    assert [refused.reason for refused in batch.rejections] == ["ship_name:missing", "unknown_schema_version"]


def as_is(table: Table, **instead: StructField) -> Found:
    columns = {column.name: column for column in stored_schema(table)}
    return Found({**columns, **instead}, {}, ())


def weights(table: Table, is_now: Found) -> dict[str, str]:
    return {change.text: change.weight for change in shape_changes(table, is_now)}


def test_a_table_that_fits_its_contract_has_nothing_to_change() -> None:
    assert weights(TABLE, as_is(TABLE)) == {}


def test_a_new_column_must_be_applied_before_anything_is_written() -> None:
    wider = replace(TABLE, fields=(*TABLE.fields, EXTRA))

    assert weights(wider, as_is(TABLE)) == {"extra: new column, string": "needed"}


def test_a_wider_type_is_altered_and_a_narrower_one_refused() -> None:
    long = as_is(TABLE, nav_status=StructField("nav_status", LongType()))
    of_long = replace(TABLE, fields=(MMSI, SOG_KN, replace(NAV_STATUS, type="long"), SOURCE))
    of_text = replace(TABLE, fields=(MMSI, SOG_KN, replace(NAV_STATUS, type="string"), SOURCE))

    assert weights(of_long, as_is(TABLE)) == {"nav_status: int is now bigint": "needed"}
    assert weights(TABLE, long) == {"nav_status: bigint is now int": "refused"}
    assert weights(of_text, as_is(TABLE)) == {"nav_status: int is now string": "refused"}


def test_a_renamed_column_is_kept_beside_the_new_one() -> None:
    renamed = replace(TABLE, fields=(MMSI, replace(SOG_KN, name="speed_kn", aliases=("sog_kn",)), NAV_STATUS, SOURCE))

    assert weights(renamed, as_is(TABLE)) == {"speed_kn: sog_kn is renamed; both columns are kept and filled": "needed"}
    assert stored_schema(renamed).names == ["mmsi", "speed_kn", "nav_status", "source", "sog_kn"]


def test_a_removed_column_is_told_once_and_never_dropped() -> None:
    fewer = replace(TABLE, fields=(MMSI, SOG_KN, SOURCE))
    (change,) = shape_changes(fewer, as_is(TABLE))

    assert (change.text, change.weight) == ("nav_status: removed; its values are kept, new rows have none", "told")
    assert change.statements == ()


def test_a_column_may_come_into_the_key_where_its_field_says_what_rows_of_before_have() -> None:
    track = replace(EXTRA, of_before="concat(mmsi, '-1970')")
    by_track = replace(TABLE, fields=(*TABLE.fields, track), key=(track,))
    added, freed = shape_changes(by_track, as_is(TABLE))

    assert (added.text, added.weight) == ("extra: new in the key; rows of before have concat(mmsi, '-1970')", "needed")
    assert added.fill == ("extra", "concat(mmsi, '-1970')")
    assert freed.text == "mmsi: no longer in the key, may be null"


def test_a_key_that_was_added_and_not_filled_is_filled_by_the_next_run() -> None:
    track = replace(EXTRA, of_before="concat(mmsi, '-1970')")
    by_track = replace(TABLE, fields=(*TABLE.fields, track), key=(MMSI, track))
    cut_short = as_is(replace(by_track, key=(MMSI,)))
    whole = replace(cut_short, properties={FILLED_PROPERTY: "extra"})

    (change,) = shape_changes(by_track, cut_short)

    assert (change.weight, change.statements, change.fill) == ("needed", (), ("extra", "concat(mmsi, '-1970')"))
    assert shape_changes(by_track, whole) == []


@pytest.mark.parametrize(
    ("table", "told"),
    [
        (replace(TABLE, key=(MMSI, SOURCE)), "source: may be null, and is in the key now"),
        (replace(TABLE, fields=(*TABLE.fields, EXTRA), key=(MMSI, EXTRA)), "extra: new in the key"),
        (replace(TABLE, partitioned_by=(SOURCE,)), "partitioned by nothing, and should be by source"),
    ],
)
def test_what_would_need_every_row_anew_is_refused_with_a_way_out(table: Table, told: str) -> None:
    (change,) = shape_changes(table, as_is(TABLE))

    assert (change.text, change.weight) == (told, "refused")
    assert change.way_out
    assert "new name" in change.way_out


@pytest.fixture
def register(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[pa.DataType], None]:
    """Make a ship register of another release: without most columns, and with this type of IMO numbers."""
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))

    def make(imo_number: pa.DataType) -> None:
        schema = pa.schema([pa.field("imo_number", imo_number, nullable=False), ("vessel_name", pa.string())])
        write_deltalake(f"{settings.lake}/{SILVER_SHIP_REGISTER.path}", schema.empty_table())

    return make


def run(*arguments: str) -> tuple[int, dict[str, Any]]:
    done = CliRunner().invoke(contract, [*arguments, "--json"])
    return done.exit_code, json.loads(done.stdout)


def test_diff_shows_each_change_and_tells_by_its_exit_code_whether_apply_makes_it(
    register: Callable[[pa.DataType], None],
) -> None:
    assert run("diff") == (0, {"changes": [], "is_refused": False})

    register(pa.int64())
    code, told = run("diff")

    assert code == 1
    changes = {change["change"]: change for change in told["changes"]}
    assert changes["dwt_t: new column, double"]["is_needed"]
    assert not any("imo_number: bigint" in text for text in changes)


def test_a_refused_change_ends_both_commands_with_3_and_changes_nothing(
    register: Callable[[pa.DataType], None], settings: Settings
) -> None:
    register(pa.string())

    code, told = run("diff", "silver.ship_register")
    done = CliRunner().invoke(contract, ["apply"])

    assert (code, told["is_refused"]) == (3, True)
    assert done.exit_code == 3
    assert "silver.ship_register: imo_number: string is now bigint. Values would be lost" in done.stderr
    assert in_force(settings.lake) == {}
    assert audit_log.verify(settings).entries == 0


def test_apply_enters_events_in_the_register_and_the_audit_log_once(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))

    first, second = run("apply"), run("apply")

    assert {state["contract"] for state in first[1]["applied"]} == set(event_schemas())
    assert second == (0, {"applied": []})
    assert audit_log.verify(settings).entries == 1


def test_an_unknown_contract_is_refused_and_the_nearest_named() -> None:
    done = CliRunner().invoke(contract, ["diff", "silver.position"])

    assert done.exit_code == 2
    assert "Did you mean silver.positions?" in done.stderr


def checkpoint(settings: Settings, noted: int | None) -> None:
    folder = Path(f"{settings.checkpoints}/silver.ais")
    folder.mkdir(parents=True)
    (folder / "metadata").write_text("{}")
    if noted is not None:
        checkpoint_versions.note(settings, "silver.ais", noted)


@pytest.mark.parametrize("noted", [None, 1, 2])
def test_a_stream_goes_on_from_the_checkpoints_that_it_knows(settings: Settings, noted: int | None) -> None:
    checkpoint_versions.check(settings, "silver.ais", (2,))  # none is there: a first start
    checkpoint(settings, noted)

    checkpoint_versions.check(settings, "silver.ais", (1, 2))


@pytest.mark.parametrize(
    ("noted", "versions", "way_on"),
    [
        (3, (1, 2), "version 3 of the stream, and this program has version 2. Run the release that wrote it"),
        (None, (2,), "version 1 of the stream.*cannot go on from it.*maritime recover silver --topic ais"),
    ],
)
def test_a_stream_does_not_go_on_from_a_checkpoint_that_it_does_not_know(
    settings: Settings, noted: int | None, versions: tuple[int, ...], way_on: str
) -> None:
    checkpoint(settings, noted)

    with pytest.raises(ContractError, match=rf"silver\.ais was not started, nothing was written.*{way_on}"):
        checkpoint_versions.check(settings, "silver.ais", versions)
