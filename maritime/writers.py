"""Who writes which table: care of a table from outside holds the locks of all of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from consumers.bronze import BRONZE_FLOWS
from contracts import tables as t
from contracts.errors import LockedError
from contracts.settings import Settings
from contracts.tables import Table
from infra.lock import single_writer
from lakehouse.gold import GOLD_FLOWS
from lakehouse.silver import SILVER_FLOWS
from lakehouse.upkeep.ops_tables import is_ops, upkeep_turn

FLOWS = [*BRONZE_FLOWS, *SILVER_FLOWS, *GOLD_FLOWS]
JOBS: dict[Table, tuple[str, ...]] = {
    t.SILVER_SHIP_REGISTER: ("register",),
    t.GOLD_VOYAGE_ANALYTICS: ("voyages",),
    t.GOLD_ROUTE_PERFORMANCE: ("voyages",),
    t.GOLD_VESSEL_TRACKS: ("tracks",),
    t.GOLD_PORT_CALLS: ("tracks",),
    t.GOLD_SAILINGS: ("tracks",),
    t.GOLD_GAPS: ("tracks",),
    t.GOLD_ENCOUNTERS: ("tracks",),
    t.GOLD_LOITERING: ("tracks",),
    t.GOLD_TRACK_FUEL: ("tracks",),
    t.GOLD_IDENTITY_REVISIONS: ("tracks",),
    t.GOLD_EMISSION_COMPLIANCE: ("emissions",),
    t.GOLD_EU_ETS_YEAR: ("emissions",),
    t.GOLD_FUELEU_YEAR: ("emissions",),
    t.GOLD_EMISSION_YEAR: ("emissions",),
    t.GOLD_VOYAGE_EMISSIONS: ("emissions",),
    t.GOLD_EMISSION_OUTLOOK: ("emissions",),
    t.GOLD_VESSEL_FEATURES: ("model",),
    t.GOLD_MAINTENANCE_PREDICTIONS: ("model",),
}
"""Names of the locks that the jobs hold which write a table."""
REPLAYS = {t.SILVER_VERDICTS: tuple(flow.name for flow in SILVER_FLOWS)}
"""A replay of the quarantine holds the locks of the streams whose work it does."""


def streams_of(table: Table) -> list[str]:
    """The streams that write the table."""
    return [flow.name for flow in FLOWS if table in flow.tables]


@contextmanager
def alone(table: Table, settings: Settings) -> Iterator[None]:
    """While no stream, replay or job writes the table, and of ``ops``, nobody else merges it.

    Raises:
        LockedError: One runs; the sentence says which, and that a stream looks after its tables itself.
    """
    with ExitStack() as held:
        if is_ops(table):
            held.enter_context(upkeep_turn(table, settings))
        for name in (*streams_of(table), *REPLAYS.get(table, ()), *JOBS.get(table, ())):
            try:
                held.enter_context(single_writer(Path(settings.home) / "locks", name))
            except LockedError as error:
                raise LockedError(_who(table, name, settings)) from error
        yield


def _who(table: Table, name: str, settings: Settings) -> str:
    if name in JOBS.get(table, ()):
        return f"{table.name} is being written by a run of {name}: wait for its end."
    if table in REPLAYS:
        return f"{table.name} may be written while no Silver stream runs, and {name} does: stop the streams first."
    if settings.upkeep_minutes:
        every = f"which looks after it every {settings.upkeep_minutes:g} minutes (MARITIME_UPKEEP_MINUTES)"
    else:
        every = "which does not look after it, for MARITIME_UPKEEP_MINUTES is 0"
    return f"{table.name} is being written by the stream {name}, {every}. To do it from here, stop the streams first."
