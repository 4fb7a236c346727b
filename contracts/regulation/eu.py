"""The European Union's rules for ships' emissions: FuelEU Maritime and the emissions trading system (ETS).

FuelEU: Regulation (EU) 2023/1805, well-to-wake intensity of the energy used. ETS: Directive (EU) 2023/959, tank to
wake. Both concern ships of 5,000 GT and more. Which global warming potentials count is disputed, so they are a
choice: `Gwp`. Ports count as European by the country of their UN/LOCODE; outermost regions with a code of their own,
and the transhipment ports that the Commission lists, are not told apart.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import date
from functools import cache

from contracts.errors import ConfigurationError
from contracts.regulation import AS_KNOWN_ON
from contracts.regulation.rows import Dated, known_on, origin, raw, read

FILES = ("well_to_wake", "gwp", "fueleu_limits", "eu_ets", "eu_eea_countries")
LEAST_GROSS_TONNAGE = 5_000
REFERENCE_G_PER_MJ = 91.16
"""Mean intensity of the fleet in 2020, gCO2e per MJ, from which the limits are counted (FuelEU, article 4)."""
PENALTY_EUR_PER_T = 2_400
PENALTY_MJ_PER_T = 41_000
"""The penalty is 2,400 EUR per tonne of VLSFO, of 41,000 MJ, that the deficit is worth (FuelEU, annex IV)."""
ETS_DUE_MONTH, ETS_DUE_DAY = 9, 30
"""Allowances of a year are surrendered by 30 September of the next (Directive (EU) 2023/959)."""
FUELEU_GWP, ETS_GWP = "red_ii", "ar5"
"""Sets of global warming potentials of the texts themselves."""


@dataclass(frozen=True, slots=True)
class WellToWake:
    """Default factors of a fuel in a kind of engine: MJ and g per g of fuel; ``slip_pct`` leaves the engine unburnt."""

    fuel: str
    fuel_kind: str
    lcv_mj_per_g: float
    wtt_g_per_mj: float
    co2_g_per_g: float
    ch4_g_per_g: float
    n2o_g_per_g: float
    slip_pct: float
    resolution: str
    valid_from: date
    adopted_on: date | None = None


@dataclass(frozen=True, slots=True)
class Gwp:
    """Global warming potentials over 100 years: tonnes of CO2 that a tonne is as bad as."""

    gwp_set: str
    ch4: float
    n2o: float
    source: str


@dataclass(frozen=True, slots=True)
class Limit:
    """How far below the reference the intensity of FuelEU has to be from a year on."""

    year_from: int
    reduction_pct: float
    resolution: str
    valid_from: date
    adopted_on: date | None = None

    @property
    def g_per_mj(self) -> float:
        """The limit, gCO2e per MJ."""
        return REFERENCE_G_PER_MJ * (1 - self.reduction_pct / 100)


@dataclass(frozen=True, slots=True)
class EtsPhase:
    """Share of a year's emissions for which allowances are surrendered, and the gases that count, from a year on."""

    year_from: int
    surrender_pct: float
    gases: tuple[str, ...]
    resolution: str
    valid_from: date
    adopted_on: date | None = None


@dataclass(frozen=True, slots=True)
class EuRules:
    """All rows of the data files. ``version`` is a fingerprint of their bytes."""

    version: str
    fuels: tuple[WellToWake, ...]
    gwps: tuple[Gwp, ...]
    limits: tuple[Limit, ...]
    ets_phases: tuple[EtsPhase, ...]
    countries: tuple[str, ...]

    @property
    def resolutions(self) -> tuple[str, ...]:
        """Every act that the rows rest on, each once."""
        rows: list[Dated] = [*self.ets_phases, *self.limits, *self.fuels]
        return tuple(dict.fromkeys(row.resolution for row in rows))

    def fuel(self, name: str) -> WellToWake:
        """Factors of a fuel; LNG by its engine, as ``lng_otto_medium_speed``.

        Raises:
            ConfigurationError: The data hold no such fuel.
        """
        found = next((row for row in self.fuels if row.fuel == name), None)
        if found is None:
            raise ConfigurationError(f"FuelEU factors of {name}: choose {', '.join(row.fuel for row in self.fuels)}.")
        return found

    def gwp(self, name: str) -> Gwp:
        """A set of potentials.

        Raises:
            ConfigurationError: There is no such set.
        """
        found = next((row for row in self.gwps if row.gwp_set == name), None)
        if found is None:
            raise ConfigurationError(f"Potentials {name}: choose {', '.join(row.gwp_set for row in self.gwps)}.")
        return found

    def limit_g_per_mj(self, year: int) -> float | None:
        """The intensity that FuelEU allows in a year; None before 2025."""
        steps = [row for row in self.limits if row.year_from <= year]
        return max(steps, key=lambda row: row.year_from).g_per_mj if steps else None

    def ets_phase(self, year: int) -> EtsPhase | None:
        """What is surrendered of a year's emissions; None before 2024."""
        phases = [row for row in self.ets_phases if row.year_from <= year]
        return max(phases, key=lambda row: row.year_from) if phases else None


def eu_as_known_on(day: date) -> EuRules:
    """The rules as they stood at the end of a day: without what was adopted later."""
    whole = load_eu_rules()
    return replace(
        whole,
        version=f"{whole.version}{AS_KNOWN_ON}{day}",
        fuels=known_on(whole.fuels, day),
        limits=known_on(whole.limits, day),
        ets_phases=known_on(whole.ets_phases, day),
    )


def eu_rules_as(version: str | None) -> EuRules:
    """The rules by which a row with this ``regulation_version`` was reckoned, from the data that are here now.

    Raises:
        ConfigurationError: What stands behind the ``@`` is no day.
    """
    _, _, day = (version or "").partition(AS_KNOWN_ON)
    try:
        return eu_as_known_on(date.fromisoformat(day)) if day else load_eu_rules()
    except ValueError as error:
        raise ConfigurationError(f"Regulation version {version}: {day!r} is not a day.") from error


@cache
def load_eu_rules() -> EuRules:
    """Read the data files that ship with the platform."""
    rows = {name: read(name) for name in FILES}
    return EuRules(
        version=hashlib.sha256(b"".join(raw(name) for name in FILES)).hexdigest()[:12],
        fuels=tuple(
            WellToWake(
                r["fuel"], r["fuel_kind"], float(r["lcv_mj_per_g"]), float(r["wtt_g_per_mj"]),
                float(r["co2_g_per_g"]), float(r["ch4_g_per_g"]), float(r["n2o_g_per_g"]), float(r["slip_pct"]),
                *origin(r),
            )
            for r in rows["well_to_wake"]
        ),
        gwps=tuple(Gwp(r["gwp_set"], float(r["ch4"]), float(r["n2o"]), r["source"]) for r in rows["gwp"]),
        limits=tuple(Limit(int(r["year_from"]), float(r["reduction_pct"]), *origin(r)) for r in rows["fueleu_limits"]),
        ets_phases=tuple(
            EtsPhase(int(r["year_from"]), float(r["surrender_pct"]), tuple(r["gases"].split()), *origin(r))
            for r in rows["eu_ets"]
        ),
        countries=tuple(r["country_code"] for r in rows["eu_eea_countries"]),
    )  # fmt: skip
