"""What was found in positions is retraced to them: port calls, sailings, modelled fuel, and what rests on these."""

from __future__ import annotations

import json
from typing import Any

import deltalake
import pytest
from pyspark.sql import SparkSession

from contracts.regulation.eu import load_eu_rules
from contracts.settings import Settings
from contracts.tables import GOLD_SAILINGS, GOLD_TRACK_FUEL
from lakehouse.evidence import document
from lakehouse.evidence.subject import parse_subject
from lakehouse.store import Store

SHIP, IMO = 230_000_001, 9074729


class Lake:
    def __init__(self, settings: Settings, store: Store) -> None:
        self.settings, self.store = settings, store

    def make(self, *words: str) -> dict[str, Any]:
        made = document.make(self.store, self.settings, parse_subject(words))
        return dict(json.loads(json.dumps(made)))

    def verify(self, of: dict[str, Any]) -> dict[str, str]:
        differences, _notes = document.verify(self.store, self.settings, of)
        return {difference.name: difference.text for difference in differences}

    def keys(self, table: str, column: str) -> list[Any]:
        found = deltalake.DeltaTable(f"{self.settings.lake}/{table}").to_pyarrow_table()
        return [row[column] for row in found.to_pylist()]


@pytest.fixture(scope="module")
def lake(spark: SparkSession, sailed: Settings) -> Lake:
    return Lake(sailed, Store(spark, sailed.lake))


def tables(of: dict[str, Any]) -> list[str]:
    return [step["table"] for step in of["steps"]]


def step(of: dict[str, Any], table: str) -> dict[str, Any]:
    (found,) = (step for step in of["steps"] if step["table"] == table)
    return dict(found)


def test_a_port_call_is_retraced_to_the_positions_by_which_it_was_found(lake: Lake) -> None:
    calls = dict(
        zip(lake.keys("gold/port_calls", "port_name"), lake.keys("gold/port_calls", "port_call_id"), strict=True)
    )
    stockholm = calls["Stockholm"]
    made = lake.make("gold/port_calls", f"port_call_id={stockholm}")

    assert (made["row"]["port_name"], made["differences"]) == ("Stockholm", [])
    positions = step(made, "silver.positions")["rows"]
    assert positions == made["row"]["position_count"] + 2  # the one before it came, and the one by which it had left
    assert step(made, "bronze.ais")["rows"] == positions
    assert lake.verify(made) == {}


def test_a_sailed_distance_is_retraced_to_port_calls_and_positions(lake: Lake) -> None:
    keys = sorted(lake.keys("gold/sailings", "sailing_id"))
    made = [lake.make("gold/sailings", f"sailing_id={key}") for key in keys]

    assert [(one["row"]["route_id"], one["differences"]) for one in made] == [("FIHEL-SESTO", []), (None, [])]
    assert tables(made[0])[:2] == ["gold.sailings", "gold.port_calls"]
    assert (step(made[0], "gold.port_calls")["rows"], tables(made[0])[-1]) == (2, "bronze.ais")
    assert step(made[0], "silver.identities")["rows"] == 1  # that it is a tanker
    assert [lake.verify(one) for one in made] == [{}, {}]


def test_modelled_fuel_is_retraced_to_positions_identity_and_register(lake: Lake) -> None:
    track = lake.keys("gold/track_fuel", "track_id")[0]
    for day in ("2025-01-01", "2025-01-02"):
        made = lake.make("gold/track_fuel", f"track_id={track}", f"reported_on={day}")

        assert made["differences"] == []
        assert {"silver.positions", "silver.identities", "silver.ship_register", "bronze.ais"} <= set(tables(made))
        assert lake.verify(made) == {}


def test_a_year_goes_back_to_positions_only_where_its_fuel_is_modelled(lake: Lake) -> None:
    made = lake.make("gold/emission_year", f"vessel_id={IMO}", "year=2025")

    assert made["differences"] == []
    assert step(made, "gold.track_fuel")["rows"] == len(lake.keys("gold/track_fuel", "track_id")) == 4
    heard = step(made, "silver.positions")["rows"]
    assert heard == 138 - 24  # of the first day, which was reported, only the six hours before the second
    assert step(made, "bronze.voyage_events")["rows"] == 1  # the fuel report
    assert lake.verify(made) == {}


def test_a_voyage_goes_back_to_its_events_and_to_its_positions(lake: Lake) -> None:
    made = lake.make("voyage", "V1")

    assert (made["row"]["basis"], made["differences"]) == ("declared_and_sailed", [])
    assert {"bronze.voyage_events", "bronze.ais"} <= set(tables(made))
    assert lake.verify(made) == {}


def test_the_emissions_of_a_voyage_hold_where_two_ways_lead_to_one_table(lake: Lake) -> None:
    made = lake.make("gold/voyage_emissions", "voyage_id=V1")

    assert made["differences"] == []
    assert tables(made).count("silver.voyage_events") == 1
    assert lake.verify(made) == {}


@pytest.mark.parametrize("table", ["eu_ets_year", "fueleu_year"])
def test_a_ships_year_under_the_eus_rules_is_retraced_to_fuel_reports_and_voyages(lake: Lake, table: str) -> None:
    made = lake.make(f"gold/{table}", f"mmsi={SHIP}", "year=2025")

    assert made["differences"] == []
    assert made["regulation"]["version"] == load_eu_rules().version
    assert "eu_ets.csv" in made["regulation"]["files"]
    assert step(made, "silver.voyages")["rows"] == step(made, "silver.emissions")["rows"] == 1
    assert lake.verify(made) == {}


def test_a_sailing_or_fuel_day_that_was_changed_by_hand_does_not_come_about(spark: SparkSession, lake: Lake) -> None:
    changes = ((GOLD_SAILINGS, "distance_nm", "route_id = 'FIHEL-SESTO'"), (GOLD_TRACK_FUEL, "fuel_mdo_t", "true"))
    were = {table: lake.store.version(table) for table, _, _ in changes}
    sailing = min(lake.keys("gold/sailings", "sailing_id"))
    track = lake.keys("gold/track_fuel", "track_id")[0]
    for table, column, which in changes:
        spark.sql(f"UPDATE delta.`{lake.store.path(table)}` SET {column} = {column} + 1 WHERE {which}")

    made = lake.make("gold/sailings", f"sailing_id={sailing}")
    fuel = lake.make("gold/track_fuel", f"track_id={track}", "reported_on=2025-01-02")

    for table, version in were.items():  # the lake is that of other tests too
        spark.sql(f"RESTORE TABLE delta.`{lake.store.path(table)}` TO VERSION AS OF {version}")
    assert "distance_nm of sailing_id=" in made["differences"][0]
    assert "fuel_mdo_t of track_id=" in fuel["differences"][0]
