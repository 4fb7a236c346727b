"""The loop of feeds that read one line at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from producers.feeds.base import Batch, Context
from producers.lines import Block

Take = Callable[[bytes, int, Batch], None]
"""Judges one line: adds an event, a rejection or an ignored line to the batch."""


def each_line(blocks: Iterator[Block], context: Context, take: Take) -> Iterator[Batch]:
    """One batch per block; blank lines are counted, lines delivered earlier are passed over."""
    for block in blocks:
        batch = Batch(last_line=block.first_line + len(block.lines) - 1, about=context.about)
        if block.lines and batch.last_line <= context.start_line:
            continue
        for number, line in enumerate(block.lines, block.first_line):
            if number <= context.start_line:
                continue
            if line.strip():
                take(line, number, batch)
            else:
                batch.ignored["blank"] += 1
        yield batch
