"""Several device values read one after the other."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from perfcheck.lint.facts import Match, Raised, Scope

_READS: Final = frozenset({"Tensor.item", "Tensor.__float__", "Tensor.__int__"})
_MANY: Final = 3  # reads in one block that are worth a stack


def adjacent_reads(scope: Scope) -> Iterator[Match]:
    """Three or more reads of different tensors in one block of statements, all certain."""
    blocks: dict[int, list[Raised]] = {}
    for raised in scope.events:
        if (
            raised.event == "host-sync"
            and raised.operator in _READS
            and raised.subject is not None
            and raised.certain
        ):
            blocks.setdefault(id(scope.block(raised.node)[0]), []).append(raised)
    for reads in blocks.values():
        if len({ast.dump(read.subject) for read in reads if read.subject is not None}) >= _MANY:
            for read in reads:
                yield Match(read.node, {"T": read.subject} if read.subject is not None else {}, read.operator)
