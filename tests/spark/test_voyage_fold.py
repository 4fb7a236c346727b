"""Voyage events become voyages and fuel days, in whatever order they come."""

from __future__ import annotations

from datetime import UTC, date, datetime
from itertools import permutations
from typing import Any

from contracts.settings import Settings
from contracts.tables import SILVER_EMISSIONS, SILVER_VOYAGES
from contracts.topics import VOYAGE_EVENTS
from lakehouse.runner import run_flows
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store

VOYAGES_FLOW = next(flow for flow in SILVER_FLOWS if flow.name == "silver.voyage_events")
DAY_MS = 86_400_000
START = datetime(2024, 3, 1, tzinfo=UTC)
START_MS = int(START.timestamp() * 1000)


def event(kind: str, at_ms: int, **more: Any) -> dict[str, Any]:
    common = {"event_type": kind, "schema_version": 1, "source": "twin", "mmsi": 636012345, "imo_number": 9074729}
    return {**common, "event_id": f"{kind}-{at_ms}", "observed_at_ms": at_ms, **more}


SCHEDULE = event(
    "schedule",
    START_MS - DAY_MS,
    voyage_id="V1",
    from_locode="USNYC",
    to_locode="NLRTM",
    scheduled_departure_at_ms=START_MS,
    scheduled_arrival_at_ms=START_MS + 9 * DAY_MS,
)
DEPARTURE = event("departure", START_MS, voyage_id="V1")
ARRIVAL = event("arrival", START_MS + 10 * DAY_MS, voyage_id="V1", distance_nm=3200.0, delay_cause="weather")


def test_a_voyage_is_the_same_in_whatever_order_its_events_come(store: Store, settings: Settings, land: Any) -> None:
    orders = list(permutations((SCHEDULE, DEPARTURE, ARRIVAL)))
    for turn in range(3):
        events = [order[turn] for order in orders]
        named = [e | {"voyage_id": f"V{i}", "event_id": f"{e['event_id']}-{i}"} for i, e in enumerate(events)]
        land(VOYAGE_EVENTS, named)
        run_flows([VOYAGES_FLOW], settings, once=True)

    voyages = [row.asDict() | {"voyage_id": None} for row in store.read(SILVER_VOYAGES).collect()]

    assert len(voyages) == len(orders)
    assert all(voyage == voyages[0] for voyage in voyages)
    assert (voyages[0]["route_id"], voyages[0]["status"]) == ("USNYC-NLRTM", "arrived")
    assert (voyages[0]["distance_nm"], voyages[0]["delay_cause"]) == (3200.0, "weather")
    assert (voyages[0]["arrived_at"] - voyages[0]["departed_at"]).days == 10


def test_a_report_at_midnight_speaks_of_the_day_it_ends_and_a_later_one_replaces_it(
    store: Store, settings: Settings, land: Any
) -> None:
    first = event("fuel_report", START_MS, distance_nm=300.0, fuel_hfo_t=40.0)
    corrected = event("fuel_report", START_MS, distance_nm=310.0, fuel_hfo_t=41.0) | {"event_id": "corrected"}
    land(VOYAGE_EVENTS, [first])
    run_flows([VOYAGES_FLOW], settings, once=True)
    land(VOYAGE_EVENTS, [corrected])
    run_flows([VOYAGES_FLOW], settings, once=True)

    days = store.read(SILVER_EMISSIONS).collect()

    assert [(d.reported_on, d.distance_nm, d.fuel_hfo_t, d.method) for d in days] == [
        (date(2024, 2, 29), 310.0, 41.0, "reported")
    ]
