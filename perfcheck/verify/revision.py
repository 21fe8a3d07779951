"""A copied work tree, put back to where it stood at a revision of git."""

import os
from pathlib import Path
from typing import NamedTuple

from perfcheck.gate.changes import Git
from perfcheck.verify.running import put

_LINK = "120000"


class Restored(NamedTuple):
    """Names relative to the project's root, with "/"."""

    changed: tuple[str, ...]
    unknown: tuple[str, ...]  # Python files that git does not know: they are in both versions


def restore(copy: Path, root: Path, revision: str) -> Restored:
    """Give what differs between the project's work tree and the revision the revision's content in the copy.

    Nothing in the repository changes. Raises :class:`~perfcheck.gate.changes.GitError` and OSError.
    """
    git = Git(str(root))
    git.check_merged(str(root), "how it was before")
    git.check_revision(revision)
    there = _entries(git, revision)
    names = git.listed(
        "diff", "--name-only", "-z", "--relative", "--no-renames", "--no-ext-diff", "--ignore-submodules",
        "--end-of-options", revision,
    )  # fmt: skip
    for name in names:
        path = copy / name
        if name not in there:
            path.unlink(missing_ok=True)
        elif there[name] == _LINK:
            path.unlink(missing_ok=True)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.symlink_to(os.fsdecode(git.output("cat-file", "blob", f"{revision}:./{name}")))
        else:
            put(path, git.output("cat-file", "--filters", f"{revision}:./{name}"))
    unknown = git.listed("ls-files", "--others", "--exclude-standard", "-z", within=str(root))
    return Restored(tuple(names), tuple(name for name in unknown if name.endswith(".py")))


def _entries(git: Git, revision: str) -> dict[str, str]:
    """Names below the root, with their modes."""
    rows = git.listed("ls-tree", "-r", "-z", "--end-of-options", revision)
    return {name: row.split(" ", 1)[0] for row, name in (entry.split("\t", 1) for entry in rows)}
