"""Where the figures of the emissions report come from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from statistics import median
from typing import Any

from batch_jobs import traffic
from batch_jobs.inputs import Period
from batch_jobs.reports import percent
from batch_jobs.runs import Run
from batch_jobs.trails import Guide, Trail, key_of, literal
from contracts.tables import (
    GOLD_EMISSION_COMPLIANCE,
    GOLD_EMISSION_OUTLOOK,
    GOLD_EMISSION_YEAR,
    GOLD_SAILINGS,
    GOLD_VOYAGE_EMISSIONS,
)

Row = Mapping[str, Any]
CO2 = "fuel by kind times its CO2 factor; reported fuel, else the bottom-up model of the Fourth IMO GHG Study"
CF = "CO2 factors: MEPC.364(79)"
CII = "MARPOL Annex VI regulation 28; CII: MEPC.352(78), reference lines: MEPC.353(78)"
LIMITS = "reductions: MEPC.338(76), from 2027 on MEPC.400(83); letters: MEPC.354(78)"
OF_FLEET = (
    "(SELECT * FROM {0} WHERE reported_on {period} QUALIFY row_number() OVER (PARTITION BY coalesce(imo_number, mmsi), "
    "imo_number, year(reported_on) ORDER BY reported_on DESC, mmsi DESC) = 1)"
)
"""The last day of each vessel and year."""
RATED: Mapping[str, Any] = {"source": OF_FLEET, "where": "cii_rating_ytd IS NOT NULL"}
ORDER = (
    "totals", "ratings", "outlook", "years", "act", "plans", "over", "later", "voyages", "sea", "intensity", "what-if",
    "gases", "daily", "unrated", "rest-on",
)  # fmt: skip
"""Of the sections on the page; one for each year is ``outlook-2024``."""


def trails(run: Run, period: Period, told: Mapping[str, Any]) -> list[Trail]:
    """One trail for each section of the page, in its order.

    Args:
        run: The run that wrote the tables.
        period: Its days.
        told: What the page's template is given.
    """
    guide = Guide(run, period)
    found = [*_of_years(guide, told), *_of_days(guide, told), *_of_voyages(guide, told), *_of_the_rest(guide, told)]
    in_order = sorted(found, key=lambda trail: ORDER.index(trail.section.partition("-2")[0]))
    return in_order + traffic.trails(guide, told["traffic"])


def _of_years(guide: Guide, told: Mapping[str, Any]) -> Iterator[Trail]:
    years: Sequence[Row] = told["years"]
    sources = [year["source"] for year in years]
    shares = [year["reported_share"] for year in years]
    known = f"days with fuel: median {percent(median(shares))}, least {percent(min(shares))}" if shares else ""
    first, last = guide.period.start_on.year, guide.period.end_on.year
    in_years = f"year BETWEEN {first} AND {last} AND cii_rating IS NOT NULL"
    of_year: dict[str, Any] = {"sources": sources, "coverage": known}
    for year, _ in told["outlook_plots"]:
        yield guide.trail(
            f"outlook-{year}", f"Ships of {year} under the limits of each year to 2030", [GOLD_EMISSION_OUTLOOK],
            figure="ships and target years", value=told["outlook_rows"][year],
            what="count(*)", where=f"year = {year}", rule=LIMITS,
            method="the year's attained CII held to the limits of each later year", **of_year,
        )  # fmt: skip
    worst: Row = years[0] if years else dict.fromkeys(("vessel_id", "year", "cii_attained"))
    yield guide.trail(
        "years", "Each ship's year against its boundaries", [GOLD_EMISSION_YEAR],
        figure=f"attained CII of {worst['vessel_id']} in {worst['year']}, gCO2 per capacity and nm",
        value=worst["cii_attained"], what="cii_attained",
        where=f"vessel_id = {worst['vessel_id']} AND year = {worst['year']}",
        row=key_of(worst, "vessel_id", "year") if years else "", rule=f"{CII}; {LIMITS}",
        method="CO2 of the year by capacity and distance; interval: missing days and errors of fuel", **of_year,
    )  # fmt: skip
    for section, title, rows, condition, how in (
        ("act", "Time to act", told["warned"], "warning IS NOT NULL", "the rest of the year as the last 30 days"),
        ("plans", "Corrective action plans", told["plans"], "consequence <> 'none'", "letters of three years"),
    ):
        yield guide.trail(
            section, title, [GOLD_EMISSION_YEAR], figure="ships and years", value=len(rows), method=how, rule=CII,
            what="count(*)", where=f"{in_years} AND {condition}",
            row=key_of(rows[0], "vessel_id", "year") if rows else "", **of_year,
        )  # fmt: skip


def _of_days(guide: Guide, told: Mapping[str, Any]) -> Iterator[Trail]:
    table, by_method = [GOLD_EMISSION_COMPLIANCE], told["origins"]
    sources, rated = [row["source"] for row in by_method], told["rated"]
    days = {row["method"]: 0 for row in by_method}
    for row in by_method:
        days[row["method"]] += row["vessel_days"]
    coverage = ", ".join(f"{count:,} vessel-days {method or 'without fuel'}" for method, count in sorted(days.items()))
    common: dict[str, Any] = {"sources": sources, "coverage": coverage}
    worst: dict[str, Any] = {"row": key_of(rated[0], "mmsi", "reported_on")} if rated else {}
    yield guide.trail(
        "totals", "Figures at the head of the page", table, figure="CO2, t", value=told["totals"]["co2_t"],
        what="sum(co2_t)", where="reported_on {period}", method=CO2, rule=CF, **common,
    )  # fmt: skip
    yield guide.trail(
        "ratings", "Ratings of the fleet, and the outlook to 2030", table, figure="rated vessels and years",
        value=len(rated), what="count(*)", **RATED, rule=f"{CII}; {LIMITS}",
        method="the last day of each vessel and year, with its year so far", **worst, **common,
    )  # fmt: skip
    for section, title, rows, condition in (
        ("over", "Vessels over their limit", told["over"], "is_over_limit"),
        (
            "later",
            "Within the limit today, over that of 2030",
            told["later"],
            "is_over_limit_2030 AND NOT is_over_limit",
        ),
    ):
        yield guide.trail(
            section, title, table, figure="vessels and years", value=len(rows), rule=f"{CII}; {LIMITS}",
            what=f"count_if({condition})", **RATED, method="attained above required CII",
            row=key_of(rows[0], "mmsi", "reported_on") if rows else "", **common,
        )  # fmt: skip
    yield guide.trail(
        "rest-on", "What the figures rest on", table, figure="vessel-days", value=sum(days.values()), rule=CF,
        what="count(*)", where="reported_on {period}", method="counted by method, quality and source",
        **common,
    )  # fmt: skip
    day, co2_t = told["last_day"]
    yield guide.trail(
        "daily", "CO2 by day", table, figure=f"CO2 of {day}, t", value=co2_t, method=CO2, rule=CF,
        what="sum(co2_t)", where=f"reported_on = DATE '{day}'", **common,
    )  # fmt: skip


def _of_voyages(guide: Guide, told: Mapping[str, Any]) -> Iterator[Trail]:
    voyages, sea = told["voyages"], told["sea"]
    worst: Row = voyages[0] if voyages else dict.fromkeys(("voyage_id", "voyage_cii"))
    shares = [voyage["known_share"] for voyage in voyages]
    yield guide.trail(
        "voyages", "Worst voyages", [GOLD_VOYAGE_EMISSIONS],
        figure=f"carbon intensity of {worst['voyage_id']}, gCO2 per capacity and nm", value=worst["voyage_cii"],
        what="voyage_cii", where=f"voyage_id = {literal(worst['voyage_id'])}",
        row=key_of(worst, "voyage_id") if voyages else "", rule=f"{CII}; {LIMITS}",
        method="CO2 of the fuel days wholly in the voyage by capacity and their distance",
        coverage=f"share of the voyage that is known: median {percent(median(shares))}" if shares else "",
        sources=[voyage["source"] for voyage in voyages],
    )  # fmt: skip
    if sea:
        yield of_map(guide, sea)


def of_map(guide: Guide, sea: Mapping[str, Any]) -> Trail:
    """The trail of a map of voyages."""
    return guide.trail(
        "sea", "Where they sailed", [GOLD_SAILINGS], figure="voyages that positions show", value=sea["voyages"],
        what="count(*)", where="departed_on {period}", row=key_of(sea["longest"], "sailing_id"),
        method=f"port to port by positions; drawn: one in {sea['every_h']} hours", sources=sea["sources"],
        coverage=f"hours heard of the voyages drawn: median {percent(sea['observed_share'])}",
        rule="none; ports: World Port Index (NGA Pub. 150)",
    )  # fmt: skip


def _of_the_rest(guide: Guide, told: Mapping[str, Any]) -> Iterator[Trail]:
    first, last = guide.period.start_on.year, guide.period.end_on.year
    sources = [ship["source"] for ship in told["fleet"]]
    row = told["fleet_intensity"][-1] if told["fleet_intensity"] else {"vessels": 0}
    of_group = f"cii_rating IS NOT NULL AND year = {row.get('year')} AND capacity_unit = '{row.get('capacity_unit')}'"
    yield guide.trail(
        "intensity", "Carbon intensity of the fleet", [GOLD_EMISSION_YEAR], value=row.get("fleet_intensity"),
        figure=f"gCO2 per {row.get('capacity_unit')} and nm in {row.get('year')}",
        what="sum(co2_year_t) * 1e6 / sum(capacity * distance_year_nm)", where=of_group,
        method="CO2 of rated ships by their capacity times distance, full or empty", rule="ambition: MEPC.377(80)",
        coverage=f"{row['vessels']:,} rated ships", sources=[year["source"] for year in told["years"]],
    )  # fmt: skip
    if told["what_if"]:
        yield guide.trail(
            "what-if", "What if", [GOLD_EMISSION_YEAR],
            method="modelled beside the year, in no table; the CSV file has all",
            coverage=f"{len(told['what_if']):,} vessels and years", sources=sources, rule=f"{CII}; {LIMITS}",
        )  # fmt: skip
    for first_ship in told["gases"][:1]:
        ship, year = first_ship["vessel_id"], first_ship["year"]
        yield guide.trail(
            "gases", "All greenhouse gases", [GOLD_EMISSION_YEAR], figure=f"fuel of {ship} in {year}, t",
            value=first_ship["total_fuel_year_t"], what="total_fuel_year_t",
            where=f"vessel_id = {ship} AND year = {year}",
            method="fuel of the year by default factors of each gas, in no table; the CSV file has all",
            coverage=f"{len(told['gases']):,} vessels and years", sources=sources,
            rule="Regulation (EU) 2023/1805, annex II",
        )  # fmt: skip
    yield guide.trail(
        "unrated", "Not rated, and why", [GOLD_EMISSION_YEAR], figure="vessels and years",
        value=sum(row["vessels"] for row in told["unrated_years"]), method="each by the first reason that holds",
        what="count(scope_note)", where=f"year BETWEEN {first} AND {last}", sources=sources, rule=CII,
    )  # fmt: skip
