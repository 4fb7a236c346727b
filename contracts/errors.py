"""What can go wrong, named by what the operator does next.

MaritimeError
├── ConfigurationError   fix the setting or the argument, start again
├── InputError           the input named does not exist or has the wrong shape: name another
├── ContractError        the code and a table or topic disagree: stop, do not retry
├── LockedError          another process writes this table: wait for it or stop it
├── UnavailableError     a broker or a store is away: bring it back, then resume
├── AccessError          a login, a certificate or a right was refused: correct it, then resume
└── DataLossError        the broker lost records that nobody has read: restore them, or decide to go on without

A bad row is never an exception: it goes to quarantine or to a dead letter topic with its reason.
"""

from __future__ import annotations


class MaritimeError(Exception):
    """Base of every error this platform raises. ``exit_code`` is what a command ends with."""

    exit_code = 1


class ConfigurationError(MaritimeError):
    """A setting or an argument is missing or unlawful."""

    exit_code = 2


class InputError(MaritimeError):
    """A file, table or column that was asked for is not there, or a range is empty or reversed."""

    exit_code = 2


class ContractError(MaritimeError):
    """Data does not have the shape that its contract declares."""

    exit_code = 3


class LockedError(MaritimeError):
    """Another process holds the single-writer lock of a table."""

    exit_code = 4


class UnavailableError(MaritimeError):
    """Something outside the process did not answer in time."""

    exit_code = 5


class DataLossError(MaritimeError):
    """Records that were not read yet are gone; going on without them is a decision for a person."""

    exit_code = 6


class AccessError(MaritimeError):
    """The other side refused who we say we are or what we want to do, or we do not trust its certificate."""

    exit_code = 7
