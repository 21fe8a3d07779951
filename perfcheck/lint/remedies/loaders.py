"""Settings of data loaders that suit a machine with a GPU, and leave one without as it was."""

from __future__ import annotations

import ast

from perfcheck.lint.facts import Match
from perfcheck.lint.remedies.writing import GiveUp, Writer

_WORKERS = 4


def loader_workers(writer: Writer, match: Match) -> str:
    """Workers that stay, and pinned batches, where there is a GPU."""
    call = match.node
    if not isinstance(call, ast.Call) or len(call.args) > 5:  # num_workers by position
        raise GiveUp
    message = writer.keyword(call, "num_workers", f"{_WORKERS} if torch.cuda.is_available() else 0")
    for name in ("pin_memory", "persistent_workers"):
        if writer.scope.keyword(call, name) is None and not writer.scope.may_pass(call, name):
            writer.keyword(call, name, "torch.cuda.is_available()")
    return message


def persistent_workers(writer: Writer, match: Match) -> str:
    """Workers that stay, wherever there are workers."""
    call = match.node
    if not isinstance(call, ast.Call) or len(call.args) > 5:
        raise GiveUp
    workers = writer.scope.keyword(call, "num_workers")
    if isinstance(workers, ast.Constant):
        return writer.keyword(call, "persistent_workers", "True")
    if isinstance(workers, ast.IfExp):
        return writer.keyword(call, "persistent_workers", "$W", W=workers.test)
    if workers is None:
        raise GiveUp
    return writer.keyword(call, "persistent_workers", "$W > 0", W=workers)
