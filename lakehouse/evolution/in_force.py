"""Which state of each contract is in force: the register ``ops.contracts``. Producers ask it too, so without Spark."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import deltalake

from contracts.tables import OPS_CONTRACTS
from infra.release import code_version
from lakehouse.ops_rows import append


@dataclass(frozen=True, slots=True)
class State:
    """One row of ``ops.contracts``. ``definition`` and ``changes`` are JSON."""

    contract: str
    contract_version: int
    fingerprint: str
    definition: str
    changes: str
    code_version: str
    applied_at: datetime


def in_force(root: str) -> dict[str, State]:
    """The newest state of each contract, by its name; empty where nothing was registered."""
    path = f"{root}/{OPS_CONTRACTS.path}"
    if not deltalake.DeltaTable.is_deltatable(path):
        return {}
    rows: list[dict[str, Any]] = deltalake.DeltaTable(path).to_pyarrow_table().to_pylist()
    states = sorted((State(**row) for row in rows), key=lambda state: (state.contract_version, state.applied_at))
    return {state.contract: state for state in states}


def record(root: str, states: Sequence[State]) -> None:
    """Enter states."""
    append(root, OPS_CONTRACTS, [asdict(state) for state in states])


def next_state(known: State | None, contract: str, fingerprint: str, definition: str, changes: Sequence[str]) -> State:
    """The state that follows the one in force, from now on."""
    number = known.contract_version + 1 if known else 1
    told = json.dumps(list(changes))
    return State(contract, number, fingerprint, definition, told, code_version(), datetime.now(UTC))
