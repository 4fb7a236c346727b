"""Where lines come from: files (plain, gz, zip), standard input, TCP and UDP; in numbered blocks."""

from __future__ import annotations

import gzip
import os
import select
import socket
import sys
import time
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast
from urllib.parse import urlsplit

from contracts.errors import InputError

BLOCK_BYTES = 1 << 21
LONGEST_LINE_BYTES = 1 << 24  # beyond this it is not text: handed on as a line, to be refused
WAIT_SECONDS = 0.5
SILENT_SECONDS = 10.0
LONGEST_BACKOFF_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Block:
    """Consecutive lines without their line ends. A live source also gives empty blocks, so that time
    passes.
    """

    lines: list[bytes]
    first_line: int
    received_at_ms: int | None = None
    """Receiver's clock for live sockets; null for files, which must bring their own times."""


@dataclass(frozen=True, slots=True)
class Line:
    """Callbacks of a live source: what it tells people, whether it shall end, and whether its connection stands."""

    notify: Callable[[str], None]
    stopped: Callable[[], bool]
    connected: Callable[[bool], None] = lambda _is_connected: None


def is_live(location: str) -> bool:
    """Whether the location is a socket or standard input, which cannot be read again from a position."""
    return location == "-" or "://" in location


def open_blocks(location: str, line: Line) -> Iterator[Block]:
    """Blocks of a path, ``-``, ``tcp://host:port`` or ``udp://host:port``.

    Raises:
        InputError: There is no such file, or it ends before its archive does.
    """
    if location == "-":
        return _numbered(_standard_input(line))
    if "://" not in location:
        return _numbered(_file(Path(location)))
    url = urlsplit(location)
    if url.scheme not in ("tcp", "udp") or not url.hostname or not url.port:
        raise InputError(f"{location}: give tcp://host:port, udp://host:port, a path, or - for standard input.")
    chunks = _tcp if url.scheme == "tcp" else _udp
    return _numbered(chunks(url.hostname, url.port, line), is_live=True)


def _numbered(chunks: Iterator[bytes | None], *, is_live: bool = False) -> Iterator[Block]:
    """Cut chunks at line ends. A null chunk ends an unfinished line (a connection broke)."""
    tail, number = b"", 1
    for chunk in chunks:
        text = tail + (b"\n" if chunk is None and tail else chunk or b"")
        lines = text.split(b"\n")
        tail = lines.pop()
        if len(tail) > LONGEST_LINE_BYTES:
            lines, tail = [*lines, tail], b""
        if b"\r" in text:
            lines = [line.removesuffix(b"\r") for line in lines]
        yield Block(lines, number, time.time_ns() // 1_000_000 if is_live else None)
        number += len(lines)
    if tail:
        yield Block([tail.removesuffix(b"\r")], number)


def _file(path: Path) -> Iterator[bytes]:
    try:
        if zipfile.is_zipfile(path):
            yield from _zip(path)
            return
        with path.open("rb") as plain:
            packed = plain.read(2) == b"\x1f\x8b"
            plain.seek(0)
            yield from _chunks(cast("BinaryIO", gzip.GzipFile(fileobj=plain)) if packed else plain)
    except (EOFError, gzip.BadGzipFile, zlib.error, zipfile.BadZipFile) as error:
        raise InputError(f"{path} is damaged or not complete: {error}. Fetch it again, then --resume.") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror or error}.") from error


def _zip(path: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(path) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                with archive.open(member) as unpacked:
                    yield from _chunks(cast("BinaryIO", unpacked))


def _chunks(stream: BinaryIO) -> Iterator[bytes]:
    first = stream.read(BLOCK_BYTES).removeprefix(b"\xef\xbb\xbf")
    while first:
        yield first
        first = stream.read(BLOCK_BYTES)


def _standard_input(line: Line) -> Iterator[bytes]:
    descriptor = sys.stdin.fileno()
    line.connected(True)
    while not line.stopped():
        if not select.select([descriptor], [], [], WAIT_SECONDS)[0]:
            yield b""
            continue
        chunk = os.read(descriptor, BLOCK_BYTES)
        if not chunk:
            return
        yield chunk


def _tcp(host: str, port: int, line: Line) -> Iterator[bytes | None]:
    """Bytes of a TCP server for ever: a lost connection is made again, less and less often while it fails."""
    backoff = WAIT_SECONDS
    while not line.stopped():
        try:
            with socket.create_connection((host, port), timeout=5) as connection:
                line.notify(f"tcp://{host}:{port}: connected")
                line.connected(True)
                for chunk in _received(connection, f"tcp://{host}:{port}", line):
                    backoff = WAIT_SECONDS
                    yield chunk
            line.notify(f"tcp://{host}:{port}: the other side closed the connection")
        except OSError as error:
            line.notify(f"tcp://{host}:{port}: {error}; trying again in {backoff:.1f} s")
        line.connected(False)
        yield None
        yield from _pause(backoff, line)
        backoff = min(backoff * 2, LONGEST_BACKOFF_SECONDS)


def _pause(seconds: float, line: Line) -> Iterator[bytes]:
    until = time.monotonic() + seconds
    while not line.stopped() and time.monotonic() < until:
        yield b""
        time.sleep(min(WAIT_SECONDS, max(0.0, until - time.monotonic())))


def _udp(host: str, port: int, line: Line) -> Iterator[bytes]:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        try:
            server.bind((host, port))
        except OSError as error:
            raise InputError(f"udp://{host}:{port} cannot be listened to: {error.strerror}.") from error
        line.notify(f"udp://{host}:{port}: listening")
        line.connected(True)
        for datagram in _received(server, f"udp://{host}:{port}", line):
            yield datagram if datagram.endswith(b"\n") or not datagram else datagram + b"\n"


def _received(connection: socket.socket, name: str, line: Line) -> Iterator[bytes]:
    """Bytes as they come; an empty piece each time that nothing came. Long silence is told once, and its
    end too.
    """
    connection.settimeout(WAIT_SECONDS)
    heard_at, is_silent = time.monotonic(), False
    while not line.stopped():
        try:
            piece = connection.recv(65_536)
        except TimeoutError:
            if not is_silent and time.monotonic() - heard_at > SILENT_SECONDS:
                line.notify(f"{name}: connected but silent for {SILENT_SECONDS:.0f} s")
                is_silent = True
            yield b""
            continue
        if not piece and connection.type == socket.SOCK_STREAM:
            return
        if is_silent:
            line.notify(f"{name}: speaks again")
        heard_at, is_silent = time.monotonic(), False
        yield piece
