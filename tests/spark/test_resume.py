"""Silver and Gold whose checkpoint is lost, or whose source was changed, go on after `maritime recover`."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from contracts.errors import ContractError
from contracts.settings import Settings
from contracts.tables import BRONZE, GOLD_VESSEL_DAY, SILVER_POSITIONS, SILVER_QUARANTINE
from contracts.topics import AIS
from lakehouse import ledger
from lakehouse.flows import Flow
from lakehouse.gold import GOLD_FLOWS
from lakehouse.recount.counting import recount
from lakehouse.runner import run_flows
from lakehouse.silver import SILVER_FLOWS
from lakehouse.store import Store
from maritime.recover import recover

SILVER, (GOLD,) = SILVER_FLOWS[0], GOLD_FLOWS
Land = Callable[..., None]
Make = Callable[..., dict[str, Any]]


@pytest.fixture
def run(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Run `maritime recover` in this test's home; what it says of the one stream."""
    monkeypatch.setenv("MARITIME_HOME", str(settings.home))

    def invoke(*arguments: str) -> dict[str, Any]:
        result = CliRunner().invoke(recover, [*arguments, "--json"])
        assert result.exit_code == 0, result.stderr
        (stream,) = json.loads(result.stdout)["streams"]
        return dict(stream)

    return invoke


def cut_short(flow: Flow, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run the stream so that it dies after its tables and before the ledger, and lose its checkpoint."""

    def die(*_: object) -> None:
        raise RuntimeError("killed before the ledger")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "record", die)
        with pytest.raises(Exception, match="killed"):
            run_flows([flow], settings, once=True)
    shutil.rmtree(Path(settings.checkpoints) / flow.name)


def differences(settings: Settings) -> list[str]:
    """What the recount finds in Silver and Gold; Bronze was landed without a stream."""
    found = recount(settings, None).differences
    return [f"{f.stream}: {f.text}" for f in found if not f.stream.startswith("bronze.")]


def test_silver_and_gold_go_on_from_the_ledger_after_their_checkpoints_are_lost(
    store: Store,
    settings: Settings,
    land: Land,
    position: Make,
    monkeypatch: pytest.MonkeyPatch,
    run: Callable[..., dict[str, Any]],
) -> None:
    def more(first: int) -> None:
        land(AIS, [*(position(observed_at_ms=1_700_000_000_000 + 60_000 * n) for n in range(first, first + 3)), b"bad"])

    more(0)
    for flow in (SILVER, GOLD):
        run_flows([flow], settings, once=True)
    more(3)
    for flow in (SILVER, GOLD):
        cut_short(flow, settings, monkeypatch)
    more(6)  # what comes meanwhile must not slip into the batches that were cut short

    for flow, command in ((SILVER, ["silver", "--topic", "ais"]), (GOLD, ["gold"])):
        with pytest.raises(ContractError, match="was not started, nothing was written: its checkpoint is lost") as told:
            run_flows([flow], settings, once=True)
        assert f"`maritime recover {' '.join(command)} --dry-run`" in str(told.value)
        planned = run(*command, "--dry-run")
        assert (planned["done"], sorted(planned["ends"])) == (0, ["0", "1"])
        assert not (Path(settings.checkpoints) / flow.name).exists()
        run(*command)
        run_flows([flow], settings, once=True)

    entries = ledger.entries(settings.lake, SILVER.name)
    assert [(e["batch_id"], e["rows_read"], e["rows_accepted"]) for e in entries] == [(n, 4, 3) for n in range(3)]
    assert [e["rows_read"] for e in ledger.entries(settings.lake, GOLD.name)] == [3, 3, 3]
    assert (store.read(SILVER_POSITIONS).count(), store.read(SILVER_QUARANTINE).count()) == (9, 3)
    assert [row.position_count for row in store.read(GOLD_VESSEL_DAY).collect()] == [9]
    assert differences(settings) == []


def test_silver_loses_nothing_where_rows_of_bronze_were_deleted(
    store: Store, settings: Settings, land: Land, position: Make, run: Callable[..., dict[str, Any]]
) -> None:
    at = [position(observed_at_ms=1_700_000_000_000 + 60_000 * n) for n in range(6)]
    land(AIS, at[:2])
    run_flows([SILVER], settings, once=True)
    land(AIS, at[2:4])
    store.spark.sql(f"DELETE FROM delta.`{store.path(BRONZE[AIS])}` WHERE kafka_offset = 0")
    land(AIS, at[4:])

    with pytest.raises(ContractError, match="took rows away or changed them"):
        run_flows([SILVER], settings, once=True)
    run("silver", "--topic", "ais")
    with pytest.raises(ContractError, match="recover silver"):  # it reads up to the deletion, and asks again
        run_flows([SILVER], settings, once=True)
    assert store.read(SILVER_POSITIONS).count() == 4
    run("silver", "--topic", "ais")
    run_flows([SILVER], settings, once=True)

    assert store.read(SILVER_POSITIONS).count() == 6
    assert [e["rows_accepted"] for e in ledger.entries(settings.lake, SILVER.name)] == [2, 2, 2]
