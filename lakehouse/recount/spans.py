"""Arithmetic of offset ranges ``[start, end)``. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from lakehouse.recount.account import Batch

Span = tuple[int, int]
Offsets = npt.NDArray[np.int64]


def runs(offsets: Offsets) -> list[Span]:
    """Offsets as ranges without a hole; an offset that is there twice is in two of them."""
    values, counts = np.unique(offsets, return_counts=True)
    found: list[Span] = []
    for times in range(1, int(counts.max(initial=0)) + 1):
        left = values[counts >= times]
        breaks = np.flatnonzero(np.diff(left) != 1) + 1
        starts, ends = left[np.r_[0, breaks]], left[np.r_[breaks - 1, len(left) - 1]] + 1
        found.extend(zip(starts.tolist(), ends.tolist(), strict=True))
    return found


def differences(expected: Iterable[Span], actual: Iterable[Span]) -> Iterator[tuple[int, int, int]]:
    """Ranges that ``actual`` covers more often than ``expected`` (a positive number) or less often (negative)."""
    change: dict[int, int] = defaultdict(int)
    for spans, sign in ((expected, -1), (actual, 1)):
        for start, end in spans:
            change[start] += sign
            change[end] -= sign
    depth, begun = 0, 0
    for point in sorted(point for point, step in change.items() if step):
        if depth:
            yield begun, point, depth
        depth, begun = depth + change[point], point


class Groups:
    """Batches by their offsets. Those whose ranges overlap form one group, since a record cannot tell them apart."""

    def __init__(self, batches: Sequence[Batch]) -> None:
        group = list(range(len(batches)))
        merged: dict[int, list[list[int]]] = defaultdict(list)
        spans = [(s.partition, s.start, s.end, i) for i, batch in enumerate(batches) for s in batch.spans]
        for partition, start, end, i in sorted(spans):
            of = merged[partition]
            if of and start < of[-1][1]:
                _join(group, of[-1][2], i)
                of[-1][1] = max(of[-1][1], end)
            else:
                of.append([start, end, i])
        roots = [_root(group, i) for i in range(len(batches))]
        numbers = {root: number for number, root in enumerate(dict.fromkeys(roots))}
        self.members: list[list[Batch]] = [[] for _ in numbers]
        for batch, root in zip(batches, roots, strict=True):
            self.members[numbers[root]].append(batch)
        self._index = {
            partition: np.array([[start, end, numbers[roots[i]]] for start, end, i in of], dtype=np.int64).T
            for partition, of in merged.items()
        }

    def group_of(self, partition: int, offsets: Offsets) -> npt.NDArray[np.int64]:
        """Number of the group that holds each offset; -1 where none does."""
        if partition not in self._index:
            return np.full(len(offsets), -1, dtype=np.int64)
        starts, ends, numbers = self._index[partition]
        nth = np.searchsorted(starts, offsets, side="right") - 1
        inside = (nth >= 0) & (offsets < ends[nth])
        return np.where(inside, numbers[nth], -1)

    def end(self, partition: int) -> int:
        """Offset after the last one that any batch holds; 0 for a partition that none has read."""
        return int(self._index[partition][1].max()) if partition in self._index else 0


class Tally:
    """Counts a table's rows by group, and keeps the offsets that no batch names."""

    def __init__(self, groups: Groups) -> None:
        self._groups = groups
        self.counts: npt.NDArray[np.int64] = np.zeros(len(groups.members), dtype=np.int64)
        self.outside: dict[int, list[Span]] = defaultdict(list)

    def add(self, partition: int, offsets: Offsets) -> None:
        """Count rows of a partition."""
        of = self._groups.group_of(partition, offsets)
        self.counts += np.bincount(of[of >= 0], minlength=len(self.counts))
        if len(unnamed := offsets[of < 0]):
            self.outside[partition].extend(runs(unnamed))

    def runs_outside(self) -> Iterator[tuple[int, int, int]]:
        """Partition and range of the offsets that no batch names."""
        for partition, spans in sorted(self.outside.items()):
            for start, end, _ in differences((), spans):
                yield partition, start, end


def by_partition(partitions: npt.NDArray[Any], offsets: Offsets) -> Iterator[tuple[int, Offsets]]:
    """Offsets of each partition among rows of several."""
    for partition in np.unique(partitions).tolist():
        yield int(partition), offsets[partitions == partition]


def _root(group: list[int], i: int) -> int:
    while group[i] != i:
        group[i] = group[group[i]]
        i = group[i]
    return i


def _join(group: list[int], a: int, b: int) -> None:
    group[_root(group, b)] = _root(group, a)
