"""The files below ``<home>/security``: an authority, two certificates, three users. For the home's owner alone.

ca.pem, ca.key     the authority of this home
server.pem         the broker's certificate for clients
node.pem           the broker's certificate for itself: whoever holds it may do everything
<user>.env         a user's login as settings, for programs with another home
"""

from __future__ import annotations

import secrets
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal, get_args

from dotenv import dotenv_values
from pydantic import SecretStr

from contracts.errors import ConfigurationError
from contracts.settings import PREFIX, Settings
from infra.security.certificates import (
    fingerprint,
    hosts_of,
    new_authority,
    read_authority,
    read_certificate,
    signed,
)

Role = Literal["producer", "consumer", "admin"]
USERS: tuple[Role, ...] = get_args(Role)
MAY = {
    "producer": "write to the topics of the contract and to their dead letter topics",
    "consumer": "read those topics, in groups whose names begin with maritime-",
    "admin": "everything",
}
LOOPBACK = ("127.0.0.1", "localhost")
NODE = "maritime-node"
PASSWORD_BYTES = 32


@dataclass(frozen=True, slots=True)
class Login:
    """How a client proves who it is. ``ca_file`` is null where the system's authorities sign the brokers."""

    username: str
    password: SecretStr
    ca_file: Path | None


@dataclass(frozen=True, slots=True)
class CertificateFacts:
    """What people want to know of a certificate."""

    file: Path
    hosts: tuple[str, ...]
    expires_at: datetime
    sha256: str


def is_secured(settings: Settings) -> bool:
    """Whether the embedded broker of this home asks for a login."""
    return settings.security_home.is_dir()


def make(settings: Settings, hosts: tuple[str, ...], now: datetime) -> None:
    """Make authority, certificates and users; all of it appears at once, or nothing does.

    Raises:
        ConfigurationError: They are there already.
    """
    home = settings.security_home
    if is_secured(settings):
        raise ConfigurationError(
            f"{home} is there already: `maritime security show` tells what is in it, `renew` makes new certificates. "
            "To begin anew, stop the broker and move that folder away."
        )
    fresh = home.with_name(f"{home.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)  # of a run that was cut short
    fresh.mkdir(parents=True, mode=0o700)
    authority = new_authority("MaritimeIQ local authority", now)
    _write(fresh / "ca.pem", authority.certificate_pem)
    _write(fresh / "ca.key", authority.key_pem)
    _write(fresh / "server.pem", signed(authority, "maritime-broker", hosts, now))
    _write(fresh / "node.pem", signed(authority, NODE, LOOPBACK, now, is_client=True))
    for user in USERS:
        _write(fresh / f"{user}.env", _env(user, secrets.token_urlsafe(PASSWORD_BYTES), home / "ca.pem"))
    fresh.rename(home)


def renew(settings: Settings, now: datetime) -> None:
    """Sign new certificates for the same hosts; the authority and the users stay, so no client has to change.

    Raises:
        ConfigurationError: There are none yet.
    """
    home = _home(settings)
    authority = read_authority((home / "ca.pem").read_bytes(), (home / "ca.key").read_bytes())
    for name, common_name in (("server.pem", "maritime-broker"), ("node.pem", NODE)):
        hosts = certificate_facts(home / name).hosts
        _write(home / name, signed(authority, common_name, hosts, now, is_client=common_name == NODE))


def certificates(settings: Settings) -> list[CertificateFacts]:
    """The authority's certificate and those that it has signed.

    Raises:
        ConfigurationError: There are none yet.
    """
    return [certificate_facts(_home(settings) / name) for name in ("ca.pem", "server.pem", "node.pem")]


def certificate_facts(file: Path) -> CertificateFacts:
    """What a certificate's file says.

    Raises:
        ConfigurationError: The file holds none.
    """
    try:
        certificate = read_certificate(file.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"{file} holds no certificate: `maritime security renew` makes a new one.") from error
    return CertificateFacts(file, hosts_of(certificate), certificate.not_valid_after_utc, fingerprint(certificate))


def refuse_expired(settings: Settings, now: datetime) -> None:
    """A broker with an expired certificate would start, and no client would speak with it.

    Raises:
        ConfigurationError: A certificate has expired.
    """
    for found in certificates(settings):
        if found.expires_at <= now:
            remedy = "`maritime security renew` makes a new one"
            if found.file.name == "ca.pem":
                remedy = "move the folder away and run `maritime security init`"
            raise ConfigurationError(f"{found.file} has expired on {found.expires_at:%F}: {remedy}.")


def login(settings: Settings, role: Role) -> Login | None:
    """The user that a client of this role logs in as; null where the broker asks for none.

    A user of the settings is used for every role. Otherwise the embedded broker's own users are, each for its role.

    Raises:
        ConfigurationError: A user is set without a password, or a file cannot be read.
    """
    is_embedded = is_secured(settings) and _host(settings) in LOOPBACK
    if settings.kafka_ca_file and not settings.kafka_ca_file.is_file():
        raise ConfigurationError(f"MARITIME_KAFKA_CA_FILE names {settings.kafka_ca_file}, which is not a file.")
    own_ca = settings.security_home / "ca.pem" if is_embedded else None
    if settings.kafka_username is not None:
        if settings.kafka_password is None:
            raise ConfigurationError("MARITIME_KAFKA_USERNAME is set without MARITIME_KAFKA_PASSWORD; set both.")
        return Login(settings.kafka_username, settings.kafka_password, settings.kafka_ca_file or own_ca)
    return stored_login(settings, role) if is_embedded else None


def stored_login(settings: Settings, role: Role) -> Login:
    """A user of the embedded broker.

    Raises:
        ConfigurationError: Its file cannot be read or is not whole.
    """
    file = settings.security_home / f"{role}.env"
    try:
        values = dotenv_values(file, interpolate=False) if file.read_bytes() else {}
        return Login(
            str(values[f"{PREFIX}KAFKA_USERNAME"]),
            SecretStr(str(values[f"{PREFIX}KAFKA_PASSWORD"])),
            settings.kafka_ca_file or settings.security_home / "ca.pem",
        )
    except (OSError, KeyError) as error:
        raise ConfigurationError(
            f"{file} cannot be read as this account, or is not whole: the broker is secured, so give a user with "
            "MARITIME_KAFKA_USERNAME and MARITIME_KAFKA_PASSWORD."
        ) from error


def new_password(settings: Settings, role: Role) -> None:
    """Give a user another password; the broker knows it from its next start on.

    Raises:
        ConfigurationError: The home is not secured.
    """
    home = _home(settings)
    _write(home / f"{role}.env", _env(role, secrets.token_urlsafe(PASSWORD_BYTES), home / "ca.pem"))


def _home(settings: Settings) -> Path:
    if not is_secured(settings):
        raise ConfigurationError("This home is not secured yet: run `maritime security init`.")
    return settings.security_home


def _host(settings: Settings) -> str:
    return settings.kafka_servers.split(",")[0].strip().rpartition(":")[0]


def _env(username: str, password: str, ca_file: Path) -> bytes:
    lines = {"KAFKA_USERNAME": username, "KAFKA_PASSWORD": password, "KAFKA_CA_FILE": str(ca_file)}
    return "".join(f"{PREFIX}{name}='{value}'\n" for name, value in lines.items()).encode()


def _write(path: Path, content: bytes) -> None:
    """Whole or not at all, and never readable for others, not even for a moment."""
    fresh = path.with_name(f"{path.name}.new")
    fresh.unlink(missing_ok=True)
    fresh.touch(mode=0o600)
    fresh.write_bytes(content)
    fresh.replace(path)
