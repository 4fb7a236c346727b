"""Reads the segment files of a broker on this machine: what is on its disk, also where no consumer can read it.

Format: record batches with magic 2, https://kafka.apache.org/documentation/#recordbatch
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from contracts.errors import ContractError

HEADER = struct.Struct(">qiibIhiqqqhii")  # base offset, length, leader epoch, magic, CRC, attributes, ..., record count
OVERHEAD_BYTES = 12  # base offset and length, which the length does not count
CODECS = {1: "gzip", 3: "lz4", 4: "zstd"}
SNAPPY = 2
SNAPPY_JAVA = b"\x82SNAPPY\x00"
MAGIC = 2
CONTROL = 0x20


def segment_files(broker_data: Path, topic: str) -> list[Path]:
    """Segments of the topic on this disk, also those that the broker has renamed to delete them."""
    return sorted(path for path in broker_data.glob(f"{topic}-*/*.log*") if path.is_file())


def records_in(segment: bytes) -> Iterator[bytes]:
    """Each record of a segment, decompressed: its key, value and headers, set apart by a zero byte.

    Raises:
        ContractError: It is not of a format that we can read, so that nothing can be said of it.
    """
    place = 0
    while place + HEADER.size <= len(segment):
        _, length, _, magic, _, attributes, *_, count = HEADER.unpack_from(segment, place)
        end = place + OVERHEAD_BYTES + length
        if length <= 0 or end > len(segment):
            return  # the rest is preallocated, or not whole: a broker that starts cuts it off
        if magic != MAGIC:
            raise ContractError(f"A record batch has magic {magic}, and {MAGIC} is known.")
        if not attributes & CONTROL:
            yield from _records(_plain(segment[place + HEADER.size : end], attributes & 0x07), count)
        place = end


def _records(content: bytes, count: int) -> Iterator[bytes]:
    place = 0
    for _ in range(count):
        length, place = _varint(content, place)
        yield _parts(content[place : place + length])
        place += length


def _parts(record: bytes) -> bytes:
    """Key, value and headers of a record, without the lengths between them: one could look like a digit."""
    place = 1  # attributes
    for _ in ("time stamp", "offset"):
        _, place = _varint(record, place)
    parts = []
    for _ in ("key", "value"):
        part, place = _sized(record, place)
        parts.append(part)
    headers, place = _varint(record, place)
    for _ in range(2 * headers):
        part, place = _sized(record, place)
        parts.append(part)
    return b"\x00".join(parts)


def _sized(content: bytes, place: int) -> tuple[bytes, int]:
    length, place = _varint(content, place)
    return (b"", place) if length < 0 else (content[place : place + length], place + length)


def _varint(content: bytes, place: int) -> tuple[int, int]:
    """A zigzag number of variable length, and the place after it."""
    value = shift = 0
    while True:
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return (value >> 1) ^ -(value & 1), place


def _plain(content: bytes, codec: int) -> bytes:
    if codec == 0:
        return content
    if codec == SNAPPY:
        return b"".join(map(_snappy, _snappy_blocks(content)))
    if codec not in CODECS:
        raise ContractError(f"A record batch has compression {codec}, which is not known.")
    return bytes(pa.CompressedInputStream(pa.BufferReader(content), CODECS[codec]).read())


def _snappy_blocks(content: bytes) -> Iterator[bytes]:
    """Java clients wrap snappy in a frame of blocks, librdkafka may write one bare block."""
    if not content.startswith(SNAPPY_JAVA):
        yield content
        return
    place = 16  # magic, version, least compatible version
    while place < len(content):
        (length,) = struct.unpack_from(">i", content, place)
        yield content[place + 4 : place + 4 + length]
        place += 4 + length


def _snappy(block: bytes) -> bytes:
    """One block; it begins with its plain length in seven-bit groups."""
    size = shift = 0
    for byte in block:
        size |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            break
    return bytes(pa.decompress(block, decompressed_size=size, codec="snappy", asbytes=True))
