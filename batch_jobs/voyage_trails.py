"""Where the figures of the voyage report come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from batch_jobs import traffic
from batch_jobs.emission_trails import of_map
from batch_jobs.inputs import Period
from batch_jobs.reports import percent
from batch_jobs.runs import Run
from batch_jobs.trails import Guide, Trail, key_of, literal
from contracts.fields import FUEL_T
from contracts.tables import GOLD_PORT_CALLS, GOLD_ROUTE_PERFORMANCE, GOLD_VOYAGE_ANALYTICS, SILVER_EMISSIONS

ANALYTICS = [GOLD_VOYAGE_ANALYTICS]
NONE = "none; schedules are the operators' own"
LATE = "arrival after the scheduled instant, without tolerance"
ROUTE = ("route_id", "arrived_voyages", "voyages", "mean_duration_hours")
ORDER = ("totals", "known", "sea", "on-time", "late", "routes", "delays", "causes", "stays", "fuel")
"""Of the sections on the page."""
OF_PERIOD = "departed_on {period}"


def trails(run: Run, period: Period, told: Mapping[str, Any]) -> list[Trail]:
    """One trail for each section of the page, in its order.

    Args:
        run: The run that wrote the tables.
        period: Its days.
        told: What the page's template is given.
    """
    guide = Guide(run, period)
    found = [*_of_all(guide, told), *_of_delays(guide, told), *_of_ports(guide, told), *_of_fuel(guide, told)]
    return sorted(found, key=lambda trail: ORDER.index(trail.section)) + traffic.trails(guide, told["traffic"])


def _of_all(guide: Guide, told: Mapping[str, Any]) -> Iterator[Trail]:
    totals, coverage = told["totals"], told["coverage"]
    common: dict[str, Any] = {"sources": totals["sources"], "rule": NONE}
    judged = f"{totals['judged']:,} of {totals['voyages']:,} voyages have a schedule and an arrival"
    yield guide.trail(
        "totals", "Figures at the head of the page", ANALYTICS, figure="voyages", value=totals["voyages"],
        what="count(*)", where=OF_PERIOD, method="declared voyages joined with those that positions show",
        coverage=judged, **common,
    )  # fmt: skip
    sailed_nm = [row["sailed_distance_nm"] for row in coverage if row["sailed_distance_nm"] is not None]
    yield guide.trail(
        "known", "How the voyages are known", ANALYTICS, figure="miles by positions, nm",
        value=sum(sailed_nm) if sailed_nm else None, what="sum(sailed_distance_nm)", where=OF_PERIOD,
        method="geodesics between positions, nothing while the ship lies still", **common,
        coverage="; ".join(_heard(row) for row in coverage),
    )  # fmt: skip
    if told["sea"]:
        yield of_map(guide, told["sea"])
    yield guide.trail(
        "on-time", "On-time performance", ANALYTICS, figure="share on time", value=totals["on_time_share"],
        what="1 - avg(CAST(is_delayed AS INT))", where=OF_PERIOD, method=LATE, coverage=judged, **common,
    )  # fmt: skip
    route = told["routes"][0] if told["routes"] else dict.fromkeys(ROUTE)
    of_route = f"route_id = {literal(route['route_id'])} AND start_on = DATE '{guide.period.start_on}'"
    arrived = f"{route['arrived_voyages']} of its {route['voyages']} voyages arrived"
    yield guide.trail(
        "routes", "On-time performance by route", [GOLD_ROUTE_PERFORMANCE],
        figure=f"mean hours of {route['route_id']}", value=route["mean_duration_hours"],
        what="mean_duration_hours", where=f"{of_route} AND end_on = DATE '{guide.period.end_on}'",
        row=key_of(route, "route_id", "start_on", "end_on") if told["routes"] else "",
        method=f"arrived voyages of the route; late: {LATE}", coverage=arrived if told["routes"] else "", **common,
    )  # fmt: skip


def _of_delays(guide: Guide, told: Mapping[str, Any]) -> Iterator[Trail]:
    totals = told["totals"]
    common: dict[str, Any] = {
        "sources": totals["sources"],
        "rule": NONE,
        "coverage": f"{totals['judged']:,} voyages judged",
    }
    yield guide.trail(
        "late", "How late", ANALYTICS, figure="voyages on time", value=told["delays"]["on time"],
        what="count_if(delay_hours = 0)", where=OF_PERIOD, method=LATE, **common,
    )  # fmt: skip
    worst = told["worst"][0] if told["worst"] else dict.fromkeys(("voyage_id", "delay_hours"))
    yield guide.trail(
        "delays", "Longest delays", ANALYTICS, figure=f"delay of {worst['voyage_id']}, h", value=worst["delay_hours"],
        what="delay_hours", where=f"voyage_id = {literal(worst['voyage_id'])}", method=LATE,
        row=key_of(worst, "voyage_id") if told["worst"] else "", **common,
    )  # fmt: skip
    if told["worst"]:
        cause = told["causes"][0]
        of_cause = f"is_delayed AND coalesce(delay_cause, 'not reported') = {literal(cause['delay_cause'])}"
        yield guide.trail(
            "causes", "Delays by cause", ANALYTICS, figure=f"hours late, {cause['delay_cause']}",
            value=cause["delay_hours"], what="sum(delay_hours)", where=f"{OF_PERIOD} AND {of_cause}",
            method="cause as the operator reported it", **common,
        )  # fmt: skip


def _of_ports(guide: Guide, told: Mapping[str, Any]) -> Iterator[Trail]:
    port = told["stays"][0] if told["stays"] else dict.fromkeys(("wpi_number", "port_name", "calls"))
    is_whole = "confidence >= 2 AND NOT is_at_anchor AND has_entry AND NOT is_open"
    of_port = f"wpi_number = {literal(port['wpi_number'])} AND CAST(arrived_at AS DATE) {{period}} AND {is_whole}"
    with_gap = sum(row["calls_with_gap"] for row in told["stays"])
    yield guide.trail(
        "stays", "Port stays", [GOLD_PORT_CALLS], figure=f"calls at {port['port_name']}", value=port["calls"],
        what="count(*)", where=of_port, row=key_of(port, "port_call_id") if told["stays"] else "",
        method="within 3 km of the port's point until beyond 4 km, with a stop or a silence",
        coverage=f"calls not heard throughout: {with_gap:,} of {sum(row['calls'] for row in told['stays']):,}",
        sources=[row["source"] for row in told["stays"]], rule="none; ports: World Port Index (NGA Pub. 150)",
    )  # fmt: skip


def _of_fuel(guide: Guide, told: Mapping[str, Any]) -> Iterator[Trail]:
    route = told["fuel"][0] if told["fuel"] else dict.fromkeys(("route_id", "fuel_kg_per_nm", "method"))
    burnt = " + ".join(f"coalesce(e.{kind.name}, 0)" for kind in FUEL_T)
    begins, ends = "CAST(e.reported_on AS TIMESTAMPTZ)", "CAST(e.reported_on + 1 AS TIMESTAMPTZ)"
    is_inside = f"{begins} >= v.departed_at AND {ends} <= v.arrived_at AND e.distance_nm > 0 AND {burnt} > 0"
    days = sum(row["fuel_days"] for row in told["fuel"])
    yield guide.trail(
        "fuel", "Fuel per mile", [GOLD_VOYAGE_ANALYTICS, SILVER_EMISSIONS],
        figure=f"kg per nm on {route['route_id']}", value=route["fuel_kg_per_nm"],
        what=f"1000 * sum({burnt}) / sum(e.distance_nm)", source="{0} v JOIN {1} e ON e.mmsi = v.mmsi",
        where=f"v.route_id = {literal(route['route_id'])} AND v.{OF_PERIOD} AND {is_inside}",
        method=f"fuel of days wholly in an arrived voyage by their miles; {route['method'] or 'none'}",
        coverage=f"{days:,} fuel days on {len(told['fuel']):,} routes", rule="none",
        sources=[row["source"] for row in told["fuel"]],
    )  # fmt: skip


def _heard(row: Mapping[str, Any]) -> str:
    return f"{row['basis'].replace('_', ' ')}: {percent(row['observed_share'])} heard"
