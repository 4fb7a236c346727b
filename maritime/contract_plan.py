"""What `maritime contract apply` does: table after table while nobody uses it, then the events, all of it entered."""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from contracts import fingerprints
from contracts.compatibility import event_schemas
from contracts.errors import InputError
from contracts.settings import Settings
from contracts.tables import OPS_CONTRACTS, TABLES, Table
from infra import audit_log
from infra.lock import single_writer
from lakehouse.evolution.change import Change
from lakehouse.evolution.events import event_changes, new_states
from lakehouse.evolution.in_force import State, in_force, next_state, record
from lakehouse.evolution.tables import FILLED_PROPERTY, changes, found_at, grow, shape_changes
from lakehouse.session import spark_session
from lakehouse.status import TABLE_OF
from lakehouse.store import Store, properties, zordered
from lakehouse.upkeep.health import tables_there
from lakehouse.upkeep.ops_tables import is_ops
from maritime.writers import alone, streams_of


@dataclass(frozen=True, slots=True)
class Plan:
    """The tables and events asked for, how they differ from what is in force, and what that is."""

    tables: tuple[Table, ...]
    events: tuple[str, ...]
    changes: tuple[Change, ...]
    states: dict[str, State]

    def of(self, contract: str) -> list[Change]:
        """The changes of one table or event."""
        return [change for change in self.changes if change.contract == contract]


def plan_of(settings: Settings, names: Sequence[str] = ()) -> Plan:
    """What differs in the tables that are there and in the events, or in those named.

    Raises:
        InputError: A name is no contract's.
    """
    events = list(event_schemas())
    kept = [table.name for table in TABLES if table != OPS_CONTRACTS]  # the register does not enter itself
    known = [*kept, *events]
    for name in names:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise InputError(f"There is no contract {name}." + (f" Did you mean {near[0]}?" if near else ""))
    wanted = [name for name in kept if not names or name in names]
    tables = tuple(tables_there(settings, wanted)) if wanted else ()
    states = in_force(settings.lake)
    of_events = [change for change in event_changes(states) if not names or change.contract in names]
    of_tables = [change for table in tables for change in _changes(table, settings)]
    return Plan(tables, tuple(e for e in events if not names or e in names), (*of_tables, *of_events), states)


def carry_out(settings: Settings, plan: Plan) -> list[State]:
    """Make the changes of a plan in which none is refused; what came into force.

    Raises:
        LockedError: A stream or job uses a table; those before it are done, a second run goes on there.
    """
    done = list(_altered(settings, plan))
    of_events = [state for state in new_states(plan.states, plan.changes) if state.contract in plan.events]
    as_they_are = [state for state in _unregistered(plan) if state.contract not in {state.contract for state in done}]
    _enter(settings, [*as_they_are, *of_events])
    return [*done, *as_they_are, *of_events]


def _changes(table: Table, settings: Settings) -> list[Change]:
    found = found_at(f"{settings.lake}/{table.path}")
    if found is None:
        return []
    if is_ops(table):  # these grow by themselves with the next start, and bear no texts
        differing = [change for change in shape_changes(table, found) if change.weight != "told"]
        return [replace(change, weight="told") if change.weight == "needed" else change for change in differing]
    return changes(table, found, properties(table, zordered(found.properties)))


def _altered(settings: Settings, plan: Plan) -> Iterator[State]:
    """Alter the tables that differ, each entered before the next begins."""
    store: Store | None = None
    for table in plan.tables:
        differing = plan.of(table.name)
        if not differing:
            continue
        if is_ops(table):
            grow(table, f"{settings.lake}/{table.path}")
        else:
            store = store or Store(spark_session(settings, "maritimeiq-contract"), settings.lake)
            with _still(table, settings):
                _alter(store, table, differing)
        state = _state(plan, table, [change.text for change in differing])
        _enter(settings, [state])
        yield state


def _alter(store: Store, table: Table, differing: Sequence[Change]) -> None:
    """Needed changes first, then what is told: the mark of the contract, which says that all else is done.

    The rows of a table that a stream reads are left as they are, for it would stop: ``as_declared`` reads them so.
    """
    needed, told = ([change for change in differing if (change.weight == "needed") is first] for first in (True, False))
    store.alter(table, _statements(needed))
    fills = dict(change.fill for change in needed if change.fill)
    for column, value in fills.items() if table not in TABLE_OF.values() else ():
        store.fill(table, column, value)
    if fills:
        store.alter(table, [f"SET TBLPROPERTIES ('{FILLED_PROPERTY}' = '{','.join(fills)}')"])
    store.alter(table, _statements(told))


def _statements(differing: Sequence[Change]) -> list[str]:
    return list(dict.fromkeys(part for change in differing for part in change.statements))


def _unregistered(plan: Plan) -> Iterator[State]:
    """Tables that fit their contract, which nobody has entered yet: they were made by it."""
    for table in plan.tables:
        known = plan.states.get(table.name)
        if known is None or known.fingerprint != fingerprints.of_table(table):
            yield _state(plan, table, [])


def _state(plan: Plan, table: Table, texts: list[str]) -> State:
    definition = json.dumps({field.name: field.type for field in table.fields})
    return next_state(plan.states.get(table.name), table.name, fingerprints.of_table(table), definition, texts)


def _enter(settings: Settings, states: Sequence[State]) -> None:
    if not states:
        return
    record(settings.lake, states)
    told = {
        state.contract: {
            "state": state.contract_version,
            "fingerprint": state.fingerprint,
            "changes": json.loads(state.changes),
        }
        for state in states
    }
    audit_log.append(settings, "contract", told)


@contextmanager
def _still(table: Table, settings: Settings) -> Iterator[None]:
    """While nobody writes the table and no stream reads it: Spark stops a stream whose table gets other columns.

    Raises:
        LockedError: Somebody does; the sentence says who.
    """
    readers = [stream for stream, source in TABLE_OF.items() if source == table and stream not in streams_of(table)]
    with alone(table, settings), ExitStack() as held:
        for stream in readers:
            held.enter_context(single_writer(Path(settings.home) / "locks", stream))
        yield
