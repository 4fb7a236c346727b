"""``maritime watch collisions``: warnings of close passes, from positions in Kafka to alerts in Kafka."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from typing import cast

import click
import numpy as np
from confluent_kafka import Producer

from consumers.collision.account import LOCK, Account
from consumers.collision.begins import Start
from consumers.collision.limits import Limits, limits_of
from consumers.collision.picture import near_ports
from consumers.collision.reader import Reader
from consumers.collision.service import Service
from consumers.collision.teller import Teller
from consumers.collision.watch import CollisionWatch
from consumers.dispatch.dead_letters import Wire
from contracts.errors import MaritimeError
from contracts.ports import world_port_index
from contracts.settings import Settings, load_settings
from infra.console import Command, json_option, log, out, print_facts, print_json, print_table
from infra.interrupts import interrupts
from infra.kafka import producer_config
from infra.lock import single_writer
from infra.security.refusals import Watch
from infra.topics import check_topics

STARTS = [start.value for start in Start]


@click.command(cls=Command)
@click.option(
    "--from",
    "start",
    type=click.Choice(STARTS),
    default=Start.LEFT_OFF.value,
    show_default=True,
    help="Where to begin. left-off: where the last watch ended; the first one begins now. now: leave out what waits. "
    "beginning: judge all that the topic holds, for recorded feeds.",
)
@click.option("--once", is_flag=True, help="Judge what is there and end; without it, until Ctrl-C.")
@json_option
def collisions(start: str, once: bool, as_json: bool) -> None:
    """Warn of ships that will pass too close to each other.

    Reads `maritime.ais.data`, keeps the last state of every ship, and works out of each pair that comes near when and
    how close it will pass (CPA and TCPA, from course and speed over ground). Alerts go to `maritime.alerts`; take them
    further with `maritime dispatch`. Left alone are ships moored, at anchor, aground or in a harbour, slow pairs, and
    pairs in company such as tug and tow. What is too close is in MARITIME_COLLISION_*: no rule of the road names a
    number.

    Offsets are committed after the alerts are acknowledged. A start reads some minutes back to know the traffic again,
    and tells nothing twice. One watch sees all ships: a second one takes over.
    """
    settings = load_settings()
    limits = limits_of(settings)
    check_topics(settings)
    with single_writer(settings.home.absolute() / "locks", LOCK), interrupts() as stopped:
        service = _service(settings, limits, Start(start), stopped)
        try:
            service.run(once=once)
        finally:
            _report(service.account, as_json=as_json)
    if not service.account.identity_holds:
        raise MaritimeError("The account does not add up: read is not positions + others + unreadable.")


def print_watch(account: Account | None) -> None:
    """How the watch of this home is, for people; nothing where there was none."""
    if account is None:
        return
    names = ["watch", "is", "vessels", "event time", "seconds behind", "read", "unreadable", "warnings", "critical"]
    told, event_at = account.told, account.event_at
    row = [account.name, account.condition, account.vessels, event_at and f"{event_at:%F %T}", account.behind_seconds]
    row += [account.read, account.unreadable, told["warning"], told["critical"]]
    print_table("Collision watch", names, [row])


def _service(settings: Settings, limits: Limits, start: Start, stopped: Callable[[], bool]) -> Service:
    complaints = Watch.of(settings, "producer")
    producer = Producer({**producer_config(settings), "log_level": 0, "error_cb": complaints})
    ports = np.array([(port.lat_deg, port.lon_deg) for port in world_port_index()])
    return Service(
        settings,
        f"{socket.gethostname()}:{os.getpid()}",
        Reader(settings, start, limits.silent_after_minutes * 60, log),
        CollisionWatch(limits, near_ports(ports[:, 0], ports[:, 1], limits.harbour_nm)),
        Teller(cast("Wire", producer), settings.broker_away_seconds, complaints),
        stopped=stopped,
        notify=log,
    )


def _report(account: Account, *, as_json: bool) -> None:
    if as_json:
        print_json(account.as_json())
        return
    out.print("Collision watch", highlight=False)
    print_facts(
        {
            "read": account.read,
            "positions judged": account.positions,
            "other events": account.others,
            "without a position": account.unreadable,
            "read back to know the traffic": account.refilled,
            "warnings": account.told["warning"],
            "critical": account.told["critical"],
        }
    )
