"""Every figure can be retraced to raw bytes, and what was changed since is found by name."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import deltalake
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from pyspark.sql import SparkSession

from batch_jobs import emissions, voyages
from contracts.errors import ContractError
from contracts.fields import BY_NAME
from contracts.regulation import load_regulation
from contracts.settings import Settings
from contracts.tables import BRONZE_AIS, GOLD_VESSEL_DAY, OPS_LINEAGE, SILVER_SHIP_REGISTER
from contracts.topics import AIS, VOYAGE_EVENTS
from lakehouse import ledger
from lakehouse.evidence import document, retrace
from lakehouse.evidence.subject import parse_subject
from lakehouse.flows import Batch
from lakehouse.gold import GOLD_FLOWS
from lakehouse.lineage.events import batch_run_id
from lakehouse.runner import run_flows
from lakehouse.schema import spark_schema
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store
from maritime.evidence import evidence
from maritime.verify_evidence import verify_evidence

SHIP, OTHER, IMO = 366053209, 366053210, 9074729
MIDNIGHT = datetime(2024, 3, 2, tzinfo=UTC)
DAY = ["gold/vessel_day", f"mmsi={SHIP}", "date=2024-03-02"]
HOUR_MS = 3_600_000
MIDNIGHT_MS = int(MIDNIGHT.timestamp() * 1000)
FLOW = {flow.name: flow for flow in (*SILVER_FLOWS, *GOLD_FLOWS)}


def report(hour: float, mmsi: int = SHIP, **changes: Any) -> dict[str, Any]:
    """A position so many hours after midnight, a bit further east each hour."""
    return {
        "event_type": "position", "schema_version": 1, "source": "noaa", "mmsi": mmsi, "lat_deg": 30.0,
        "lon_deg": 32.0 + hour / 10, "sog_kn": 10.0 + hour / 7, "observed_at_ms": MIDNIGHT_MS + int(hour * HOUR_MS),
        "event_id": f"{mmsi}-{hour}", **changes,
    }  # fmt: skip


def happened(kind: str, day: float, **more: Any) -> dict[str, Any]:
    at_ms = MIDNIGHT_MS + int(day * 24 * HOUR_MS)
    common = {"event_type": kind, "schema_version": 1, "source": "twin", "mmsi": SHIP, "imo_number": IMO}
    return {**common, "event_id": f"{kind}-{day}", "observed_at_ms": at_ms, **more}


FIRST = [report(-3), report(-1), report(1), report(1, OTHER), report(4.5), report(5, sog_kn=70.0)]
"""Of these, for the ship's day: the last one of the day before and two of the day; the fast one is refused."""
THEN = [report(2), report(7), report(8, OTHER)]
VOYAGE = {"voyage_id": "V1", "from_locode": "USNYC", "to_locode": "NLRTM"}
EVENTS = [
    happened("schedule", -9, **VOYAGE, scheduled_departure_at_ms=MIDNIGHT_MS, scheduled_arrival_at_ms=MIDNIGHT_MS + 1),
    happened("departure", 0.25, voyage_id="V1"),
    happened("arrival", 9, voyage_id="V1", distance_nm=3200.0),
    *(happened("fuel_report", day, distance_nm=300.0 + day, fuel_hfo_t=40.0) for day in range(1, 4)),
]


@dataclass(frozen=True)
class Lake:
    settings: Settings
    store: Store

    def make(self, words: list[str], version: int | None = None) -> dict[str, Any]:
        return json.loads(json.dumps(document.make(self.store, self.settings, parse_subject(words), version)))  # type: ignore[no-any-return]

    def verify(self, of: dict[str, Any]) -> dict[str, str]:
        differences, _notes = document.verify(self.store, self.settings, of)
        return {difference.name: difference.text for difference in differences}


@pytest.fixture(scope="module")
def lake(spark: SparkSession, land_in: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Lake:
    """A lake that streams and both reports have filled, in two rounds."""
    home = tmp_path_factory.mktemp("evidence")
    settings = Settings(home=home, spark_shuffle_partitions=1)
    store = Store(spark, settings.lake)
    land = land_in(store)
    for records in (FIRST, THEN):
        land(AIS, records)
        for name in ("silver.ais", "gold.vessels"):
            run_flows([FLOW[name]], settings, once=True)
    land(VOYAGE_EVENTS, EVENTS)
    run_flows([FLOW["silver.voyage_events"]], settings, once=True)
    ship = {"imo_number": IMO, "cii_ship_type": "bulk_carrier", "dwt_t": 50e3, "gross_tonnage": 30e3, "source": "twin"}
    store.create(SILVER_SHIP_REGISTER)
    row = tuple(ship.get(name) for name in SILVER_SHIP_REGISTER.columns)
    store.append(SILVER_SHIP_REGISTER, spark.createDataFrame([row], spark_schema(SILVER_SHIP_REGISTER)))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MARITIME_HOME", str(home))
        patch.setenv("MARITIME_QUALITY_AFTER_JOBS", "false")
        for job in (voyages, emissions):
            done = CliRunner().invoke(job.main, ["--json"])
            assert done.exit_code == 0, done.output
    return Lake(settings, store)


@pytest.fixture
def copied(lake: Lake, tmp_path: Path) -> Lake:
    """The same lake elsewhere, for tests that damage it."""
    shutil.copytree(lake.settings.home, tmp_path / "copy")
    settings = lake.settings.model_copy(update={"home": tmp_path / "copy"})
    return Lake(settings, Store(lake.store.spark, settings.lake))


def step(of: dict[str, Any], table: str) -> dict[str, Any]:
    return next(step for step in of["steps"] if step["table"] == table)


def test_a_gold_row_is_traced_to_its_raw_records_and_comes_out_of_them_again(lake: Lake) -> None:
    made = lake.make(DAY)

    assert made["row"]["position_count"] == 4
    assert [s["table"] for s in made["steps"]] == ["gold.vessel_day", "silver.positions", "bronze.ais"]
    bronze = step(made, "bronze.ais")
    assert [(s["partition"], s["start"], s["end"]) for s in bronze["offsets"]] == [(0, 1, 3), (0, 4, 5), (0, 6, 8)]
    used = [(FIRST + THEN)[offset] for offset in (1, 2, 4, 6, 7)]
    parts = [part for event in used for part in (str(SHIP).encode(), json.dumps(event).encode())]
    assert bronze["sha256"] == hashlib.sha256(b"".join(len(p).to_bytes(8, "big") + p for p in parts)).hexdigest()
    assert made["differences"] == []
    assert lake.verify(made) == {}


def test_evidence_names_the_commit_and_what_it_rests_on(lake: Lake) -> None:
    made = lake.make(DAY)

    commit = step(made, "gold.vessel_day")["commit"]
    assert commit["batch_id"] == 1
    assert commit["app_id"].startswith("gold.vessel_day:gold.vessels:")
    assert commit["settings"]["jump_limit_kn"] == 60
    assert commit["code"] == made["code"]
    written = step(made, "silver.positions")["commits"]
    assert (written["count"], len(written["rules"])) == (2, 1)
    assert {"gold.vessel_day", "silver.positions", "bronze.ais", "ais.position.v1"} <= made["contracts"].keys()
    assert "speed_limit" in made["rules"]["ais"]


@pytest.mark.parametrize(
    ("words", "last"),
    [
        (["gold/vessel_latest", f"mmsi={SHIP}"], "bronze.ais"),
        (["silver/positions", f"mmsi={SHIP}", "observed_at=2024-03-02T01:00:00"], "bronze.ais"),
        (["voyage", "V1"], "bronze.voyage_events"),
        (["gold/route_performance", "route_id=USNYC-NLRTM", "start_on=2024-03-02", "end_on=2024-03-02"],
         "bronze.voyage_events"),
        (["silver/voyages", "voyage_id=V1"], "bronze.voyage_events"),
    ],
)  # fmt: skip
def test_rows_of_every_kind_are_traced_and_hold(lake: Lake, words: list[str], last: str) -> None:
    made = lake.make(words)

    assert made["differences"] == []
    assert (made["steps"][-1]["table"], made["steps"][-1]["rows"] > 0) == (last, True)
    assert lake.verify(made) == {}


def test_a_compliance_row_names_fuel_reports_register_and_regulation(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = lake.make(["compliance", str(IMO), "2024"])

    assert made["key"]["reported_on"] == "2024-03-04"
    assert made["regulation"]["version"] == made["row"]["regulation_version"] == load_regulation().version
    assert "co2_factors.csv" in made["regulation"]["files"]
    assert [s["rows"] for s in made["steps"]] == [1, 3, 0, 1, 3, 3]  # none of them modelled
    assert lake.verify(made) == {}

    other = replace(load_regulation(), version="0123456789ab")
    for module in (document, retrace):
        monkeypatch.setattr(module, "regulation_as", lambda _version: other)
    found = lake.verify(made)
    assert "0123456789ab" in found["regulation"]
    assert "regulation_version of" in found["gold.emission_compliance"]


def test_a_row_rated_as_the_rules_stood_on_a_day_is_retraced_by_the_rules_of_that_day(
    copied: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARITIME_HOME", str(copied.settings.home))
    monkeypatch.setenv("MARITIME_QUALITY_AFTER_JOBS", "false")
    done = CliRunner().invoke(emissions.main, ["--json", "--as-known-on", "2024-06-30"])
    assert done.exit_code == 0, done.output
    made = copied.make(["compliance", str(IMO), "2024"])

    assert made["row"]["regulation_version"] == f"{load_regulation().version}@2024-06-30"
    assert made["row"]["cii_required_2030"] is None
    assert (made["notes"], made["differences"], copied.verify(made)) == ([], [], {})


def test_a_row_is_retraced_as_it_was_before_later_records_came(lake: Lake) -> None:
    made = lake.make(DAY, version=1)

    assert made["row"]["position_count"] == 2
    assert [(s["start"], s["end"]) for s in step(made, "bronze.ais")["offsets"]] == [(1, 3), (4, 5)]
    assert (made["differences"], lake.verify(made)) == ([], {})


def test_a_changed_bronze_byte_is_found_by_its_offset(copied: Lake) -> None:
    made = copied.make(DAY)
    rewrite(Path(copied.store.path(BRONZE_AIS)), f'"{SHIP}-1"'.encode(), f'"{SHIP}-9"'.encode())

    found = copied.verify(made)

    assert "offsets [1, 3): the raw bytes are others" in found["bronze.ais"]


def test_a_missing_file_is_found_by_its_name(copied: Lake) -> None:
    made = copied.make(DAY)
    gone = sorted(Path(copied.store.path(BRONZE_AIS)).glob("*.parquet"))
    for file in gone:
        file.unlink()

    found = copied.verify(made)

    assert sorted(found) == [file.name for file in gone]
    assert all("is gone" in text for text in found.values())


def test_a_changed_rule_is_found_by_its_name(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    made = lake.make(DAY)
    monkeypatch.setitem(BY_NAME, "lat_deg", replace(BY_NAME["lat_deg"], high=80.0))

    assert list(lake.verify(made)) == ["lat_deg"]


def test_a_changed_setting_and_other_code_are_told_and_the_old_setting_is_used(
    lake: Lake, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = lake.make(DAY)
    monkeypatch.setattr(document, "code_version", lambda: "9.9.9")
    settings = lake.settings.model_copy(update={"jump_limit_kn": 0.1})

    differences, notes = document.verify(lake.store, settings, made)

    assert differences == []
    assert any("9.9.9" in note for note in notes)
    assert any("jump_limit_kn is 0.1 now; computed with 60" in note for note in notes)


def test_a_row_that_was_changed_by_hand_does_not_come_about_and_the_command_ends_with_1(
    copied: Lake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MARITIME_HOME", str(copied.settings.home))
    file = tmp_path / "evidence.json"
    assert run(evidence, [*DAY, "--output", str(file)]).exit_code == 0
    assert run(verify_evidence, [str(file)]).exit_code == 0

    table = deltalake.DeltaTable(copied.store.path(GOLD_VESSEL_DAY))
    table.update(updates={"distance_nm": "distance_nm + 1"})

    made = run(evidence, DAY)
    assert made.exit_code == 1
    told = r"distance_nm of segment_id=366053209-2024-\S+Z observed_on=2024-03-02 is"
    assert re.search(told, json.loads(made.stdout)["differences"][0])
    assert run(verify_evidence, [str(file), "--json"]).exit_code == 0  # the version that the file names is as it was

    forged = json.loads(file.read_text())
    forged["row"]["distance_nm"] += 1
    file.write_text(json.dumps(forged))
    found = run(verify_evidence, [str(file), "--json"])
    assert (found.exit_code, json.loads(found.stdout)["differences"][0]["name"]) == (1, "gold.vessel_day")


def test_what_cannot_be_retraced_is_refused_in_one_sentence(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MARITIME_HOME", str(lake.settings.home))

    for words, sentence in (
        (["voyage", "V9"], "There is no row"),
        (["ops/runs", "run_id=1"], "ops.runs cannot be retraced"),
        ([*DAY, "--version", "99"], "no longer kept, or was never there"),
    ):
        refused = run(evidence, words)
        assert (refused.exit_code, sentence in refused.stderr) == (2, True), refused.stderr


def test_every_batch_is_a_lawful_pair_of_lineage_events(lake: Lake) -> None:
    table = deltalake.DeltaTable(f"{lake.settings.lake}/{OPS_LINEAGE.path}").to_pyarrow_table().to_pylist()
    told = {(row["run_id"], row["run_state"]): json.loads(row["event"]) for row in table}

    for entry in ledger.entries(lake.settings.lake):
        run_id = batch_run_id(entry["app_id"], entry["batch_id"])
        outputs = told[run_id, "COMPLETE"]["outputs"]
        versions = {out["name"].split("/lake/")[1]: int(out["facets"]["version"]["datasetVersion"]) for out in outputs}
        assert versions == {name.replace(".", "/"): version for name, version in entry["versions"].items()}
        assert (run_id, "START") in told
    jobs = [(row["job"], row["run_state"]) for row in table if row["job"] in ("voyages", "emissions")]
    assert sorted(jobs) == sorted((job, state) for job in ("voyages", "emissions") for state in ("START", "COMPLETE"))


def test_a_batch_that_breaks_is_told_as_failed(copied: Lake) -> None:
    def broken(_store: Store, _settings: Settings, batch: Batch) -> ledger.Entry:
        raise ContractError("it does not add up")

    flow = replace(FLOW["gold.vessels"], process=broken)
    rewind(copied.settings)
    with pytest.raises(ContractError, match=r"gold\.vessels has stopped: it does not add up"):
        run_flows([flow], copied.settings, once=True)

    table = deltalake.DeltaTable(f"{copied.settings.lake}/{OPS_LINEAGE.path}").to_pyarrow_table().to_pylist()
    failed = [json.loads(row["event"]) for row in table if row["run_state"] == "FAIL"]
    assert [event["run"]["facets"]["errorMessage"]["message"] for event in failed] == [
        "ContractError: it does not add up"
    ]


def run(command: Any, words: list[str]) -> Result:
    return CliRunner().invoke(command, words)


def rewind(settings: Settings) -> None:
    """Make the Gold stream's last batch one that is planned and not done."""
    done = Path(settings.checkpoints) / "gold.vessels" / "commits"
    last = max(int(file.name) for file in done.iterdir() if file.name.isdigit())
    for name in (str(last), f".{last}.crc"):
        (done / name).unlink(missing_ok=True)


def rewrite(table: Path, old: bytes, new: bytes) -> None:
    """Change bytes of a value in the one data file that has them, so that the file is as long as before."""
    for file in table.glob("*.parquet"):
        rows = pq.read_table(file)
        values = rows["value"].to_pylist()
        if not any(old in value for value in values):
            continue
        changed = pa.array([value.replace(old, new) for value in values], pa.binary())
        rows = rows.set_column(rows.schema.get_field_index("value"), rows.schema.field("value"), changed)
        length = file.stat().st_size
        padding = 1_000
        for _ in range(3):
            with pq.ParquetWriter(
                file, rows.schema, compression="zstd", store_schema=False, use_deprecated_int96_timestamps=True
            ) as writer:
                writer.write_table(rows)
                writer.add_key_value_metadata({"padding": " " * padding})
            padding += length - file.stat().st_size
        assert file.stat().st_size == length
        file.with_name(f".{file.name}.crc").unlink(missing_ok=True)
        return
    raise AssertionError("no file has these bytes")
