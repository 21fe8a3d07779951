"""Which lines have changed since a revision, as git tells."""

import os
import re
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

from perfcheck.findings import Finding
from perfcheck.source.text import SourceFile

_HUNK: Final = re.compile(rb"^@@ -\S+ \+(\d+)(?:,(\d+))? @@", re.MULTILINE)
_SECTION: Final = re.compile(rb"^diff --git ", re.MULTILINE)

_DIFF: Final = (
    "diff",
    "--find-renames",
    "--diff-filter=d",
    "--no-relative",
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--ignore-submodules",
)

Changes = Mapping[str, frozenset[int] | None]
"""Changed files (absolute): their added and changed lines, or None for the whole file."""


class GitError(Exception):
    """git cannot tell; the message says why, and the remedy."""


def changed_since(revision: str, directory: str, paths: Iterable[str]) -> Changes:
    """What differs between the files in the work tree and where its history left that of the revision.

    Files that git does not know yet, and does not ignore, are new as a whole; so are, if anything in them
    changed, notebooks and what git takes for binary. Raises :class:`GitError`, also for paths that the
    directory's repository does not hold.
    """
    git = Git(directory)
    top = os.path.normpath(os.path.join(directory, git.ask("rev-parse", "--show-cdup").strip()))
    for path in paths:
        if not Path(os.path.realpath(path)).is_relative_to(os.path.realpath(top)):
            raise GitError(f"{path} does not lie in {top}, the repository that is asked what changed")
    git.check_merged(top, "which lines changed")
    git.check_revision(revision)
    base = git.ask("merge-base", "--end-of-options", revision, "HEAD", otherwise="").strip()
    if not base:
        raise GitError(
            f"{revision} and HEAD have no common history here; a shallow clone has to be deepened first "
            "(git fetch --unshallow)"
        )
    names = git.listed(*_DIFF, "--name-only", "-z", base)
    patch = git.output(*_DIFF, "--unified=0", "--inter-hunk-context=0", base)
    changes: dict[str, frozenset[int] | None] = {}
    for name, section in zip(names, _SECTION.split(patch)[1:], strict=True):  # in the same order
        changes[os.path.join(top, name)] = None if _as_a_whole(name, section) else _added(section)
    for name in git.listed("ls-files", "--others", "--exclude-standard", "-z", within=top):
        changes[os.path.join(top, name)] = None
    return changes


def _as_a_whole(name: str, section: bytes) -> bool:
    return name.endswith(".ipynb") or b"\nBinary files " in section


def _added(section: bytes) -> frozenset[int]:
    lines: set[int] = set()
    for found in _HUNK.finditer(section):
        first, count = int(found[1]), int(found[2] or 1)
        lines.update(range(first, first + count))
    return frozenset(lines)


def on_changed_lines(
    findings: Iterable[Finding], sources: Mapping[str, SourceFile], changes: Changes
) -> tuple[Finding, ...]:
    """The findings at those of their places that touch a changed line; ``sources`` by the path they name."""
    left = []
    for finding in findings:
        lines = changes.get(str(sources[finding.path].path), frozenset())
        places = [
            place
            for place in finding.all_places
            if lines is None or not lines.isdisjoint(range(place.line, place.end_line + 1))
        ]
        if places:
            left.append(finding.only_at(places))
    return tuple(left)


class Git:
    """git in a directory of a repository. Raises :class:`GitError` where there is none."""

    def __init__(self, directory: str) -> None:
        self._directory = directory
        try:
            inside = self._run("rev-parse", "--is-inside-work-tree", within=directory)
        except OSError as error:
            raise GitError(
                f"git cannot be run: {error.strerror}; changed lines are known by it alone"
            ) from None
        if inside.returncode or inside.stdout.strip() != b"true":
            reason = inside.stderr.decode(errors="replace").strip().removeprefix("fatal: ").split("\n")[0]
            raise GitError(f"{directory}: no work tree of git{f' ({reason})' if reason else ''}")

    def _run(self, *arguments: str, within: str) -> "subprocess.CompletedProcess[bytes]":
        environment = {**os.environ, "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
        return subprocess.run(
            ["git", *arguments], cwd=within, env=environment, capture_output=True, check=False
        )

    def succeeds(self, *arguments: str) -> bool:
        return not self._run(*arguments, within=self._directory).returncode

    def output(self, *arguments: str, within: str | None = None) -> bytes:
        ran = self._run(*arguments, within=within or self._directory)
        if ran.returncode:
            reason = ran.stderr.decode(errors="replace").strip()
            raise GitError(f"git {arguments[0]} failed: {reason}")
        return ran.stdout

    def ask(self, *arguments: str, otherwise: str | None = None) -> str:
        """What it prints; ``otherwise`` where it fails."""
        if otherwise is not None and not self.succeeds(*arguments):
            return otherwise
        return os.fsdecode(self.output(*arguments))

    def check_merged(self, within: str, what: str) -> None:
        """Raises :class:`GitError` in the middle of a merge: ``what`` cannot be told then."""
        unmerged = sorted(
            {row.split("\t", 1)[1] for row in self.listed("ls-files", "--unmerged", "-z", within=within)}
        )
        if unmerged:
            raise GitError(
                f"the repository is in the middle of a merge, with conflicts in {', '.join(unmerged[:3])}"
                f"{', …' if len(unmerged) > 3 else ''}: {what} cannot be told before they are "
                "resolved (git status shows how)"
            )

    def check_revision(self, revision: str) -> None:
        """Raises :class:`GitError` for one that is not there."""
        commit = f"{revision}^{{commit}}"
        if not self.succeeds("rev-parse", "--verify", "--quiet", "--end-of-options", commit):
            raise GitError(
                f"git knows no revision {revision!r} here; in a shallow clone it has to be fetched first "
                "(fetch-depth: 0 for actions/checkout, GIT_DEPTH: 0 for GitLab)"
            )

    def listed(self, *arguments: str, within: str | None = None) -> list[str]:
        """Names, of a command with -z."""
        return [os.fsdecode(name) for name in self.output(*arguments, within=within).split(b"\0") if name]
