"""``maritime security``: certificates, users and rights of the embedded broker."""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime

import click

from contracts.errors import ConfigurationError
from contracts.settings import Settings, load_settings
from infra import audit_log
from infra.broker import Broker
from infra.console import Command, Group, json_option, out, print_json, print_table, say
from infra.security import material
from infra.security.material import LOOPBACK, MAY, USERS

SOON_DAYS = 30


@click.group(cls=Group)
def security() -> None:
    """Certificates, users and rights of the embedded broker.

    Once `init` has run, the broker takes logins over TLS only, and every command of this home logs in by itself:
    `produce` as producer, the streams and `status` as consumer, `topics` as admin. No command prints a password.
    """


@security.command("init", cls=Command)
@click.option("--host", "hosts", multiple=True, metavar="NAME", help="A further name or address of the broker.")
@json_option
def init(hosts: tuple[str, ...], as_json: bool) -> None:
    """Make a local certificate authority, the broker's certificates, and three users with random passwords.

    They are kept in `security` below the home, readable for its owner alone. The broker's records stay: it takes
    over users and rights when it is started the next time.
    """
    settings = load_settings()
    _refuse_running(settings)
    names = tuple(dict.fromkeys((*LOOPBACK, *hosts)))
    material.make(settings, names, datetime.now(UTC))
    audit_log.append(settings, "security init", {"folder": settings.security_home, "hosts": names})
    _tell(settings, as_json=as_json)


@security.command("show", cls=Command)
@json_option
def show(as_json: bool) -> None:
    """Show users, what each may do, and certificates with the day on which they expire."""
    _tell(load_settings(), as_json=as_json)


@security.command("renew", cls=Command)
@json_option
def renew(as_json: bool) -> None:
    """Make new certificates for the broker, before or after the old ones expire.

    The authority and the users stay, so no client has to change. The broker takes them when it is started.
    """
    settings = load_settings()
    _refuse_running(settings)
    material.renew(settings, datetime.now(UTC))
    audit_log.append(settings, "security renew", {"folder": settings.security_home})
    _tell(settings, as_json=as_json)


@security.command("password", cls=Command)
@click.argument("user", type=click.Choice(USERS))
def password(user: material.Role) -> None:
    """Give USER a new random password; the broker takes it with `maritime broker start`, running or not."""
    settings = load_settings()
    material.new_password(settings, user)
    audit_log.append(settings, "security password", {"user": user})
    say(f"{user} has a new password: run `maritime broker start`, then start again what logs in as {user}.")


def _refuse_running(settings: Settings) -> None:
    if Broker(settings).status().running:
        raise ConfigurationError("The broker is running: `maritime broker stop` first, and start it again afterwards.")


def _tell(settings: Settings, *, as_json: bool) -> None:
    certificates = material.certificates(settings)
    users = [{"user": user, "may": MAY[user], "login": settings.security_home / f"{user}.env"} for user in USERS]
    if as_json:
        print_json({"users": users, "certificates": [asdict(found) for found in certificates]})
        return
    print_table("Users", ["user", "may", "login"], [list(user.values()) for user in users])
    rows = [(found.file.name, ", ".join(found.hosts), f"{found.expires_at:%F}") for found in certificates]
    print_table("Certificates", ["file", "for", "expires"], rows)
    for found in certificates:
        out.print(f"{found.file.name} SHA-256 {found.sha256}", soft_wrap=True, highlight=False)
        if (found.expires_at - datetime.now(UTC)).days < SOON_DAYS:
            say(f"[yellow]{found.file.name} expires on {found.expires_at:%F}:[/yellow] `maritime security renew`.")
