"""What ``perfcheck lint --fix --unsafe-fixes`` makes of whole trees, chosen by nobody for that.

    python benchmarks/fixes.py TREE... --write benchmarks/fixes.md

Each tree (a folder, or ``NAME=FOLDER``) is copied; the copy is mended, and then

* every changed file must compile,
* no rule may fire in a file that did not fire there before,
* a second run must change nothing,
* comments must all be there still.

Trees are linted as they are, tests and examples included; the exit code tells whether all of that holds. Of
a page that is there, only the table between ``<!-- fixes -->`` and ``<!-- /fixes -->`` is written, after each
tree.
"""

import argparse
import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import tokenize
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parents[1]
IGNORED = shutil.ignore_patterns(".git", "__pycache__", ".perfcheck_cache", "*.so", "*.a", "*.bin")


class Row(NamedTuple):
    """What became of one tree; the lists name what should not have happened."""

    name: str
    lines: int
    files: int  # changed
    before: int  # findings
    after: int
    with_fix: int  # findings that offered a fix, safe ones among them
    safe: int
    seconds: float
    broken: list[str]
    new: list[str]
    unstable: list[str]
    lost: list[str]  # comments

    @property
    def held(self) -> bool:
        return not (self.broken or self.new or self.unstable or self.lost)


def measured(name: str, tree: Path, *, unsafe: bool) -> tuple[Row, Counter[str]]:
    """The row of a tree, and how many places of each rule were mended."""
    with tempfile.TemporaryDirectory(prefix="perfcheck-fixes-") as directory:
        copy = Path(directory) / tree.name
        shutil.copytree(tree, copy, ignore=IGNORED, ignore_dangling_symlinks=True)
        original = _texts(copy)
        before = _lint(copy)
        began = time.perf_counter()
        options = ("--fix-only", "--unsafe-fixes") if unsafe else ("--fix-only",)
        _run(copy, *options)
        seconds = time.perf_counter() - began
        mended = _texts(copy)
        after = _lint(copy)
        _run(copy, *options)
        again = _texts(copy)
    changed = sorted(path for path, data in mended.items() if data != original[path])
    counts = _rules(before), _rules(after)
    gone: Counter[str] = Counter()
    for (_, rule), count in (counts[0] - counts[1]).items():
        gone[rule] += count
    fixes = [found["fix"] for found in before["findings"] if found["fix"] is not None]
    row = Row(
        name,
        before["summary"]["lines"],
        len(changed),
        len(before["findings"]),
        len(after["findings"]),
        len(fixes),
        sum(fix["safety"] == "safe" for fix in fixes),
        seconds,
        [path for path in changed if not _compiles(mended[path], path)],
        sorted({f"{path}: {rule}" for path, rule in counts[1].keys() - counts[0].keys()}),
        sorted(path for path, data in again.items() if data != mended[path]),
        [path for path in changed if _lost(original[path], mended[path])],
    )
    return row, gone


def _texts(tree: Path) -> dict[str, bytes]:
    paths = (*tree.rglob("*.py"), *tree.rglob("*.pyi"), *tree.rglob("*.ipynb"))
    return {str(path.relative_to(tree)): path.read_bytes() for path in paths if path.is_file()}


def _run(tree: Path, *options: str) -> str:
    ran = subprocess.run(
        [sys.executable, "-m", "perfcheck", "lint", "--isolated", "--no-cache", "--quiet", *options, "."],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(ROOT), "PYTHONSAFEPATH": "1"},  # collections.py of a tree
        capture_output=True,
        text=True,
        check=False,
    )
    if ran.returncode not in (0, 1):
        raise SystemExit(f"perfcheck lint {' '.join(options)} failed in {tree}:\n{ran.stderr[-2000:]}")
    if ran.stderr:
        print(ran.stderr, file=sys.stderr)
    return ran.stdout


def _lint(tree: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(_run(tree, "--output-format", "json"))
    return document


def _rules(document: dict[str, Any]) -> Counter[tuple[str, str]]:
    """Places by file and rule."""
    found: Counter[tuple[str, str]] = Counter()
    for finding in document["findings"]:
        found[finding["path"], finding["rule"]] += 1 + len(finding["places"])
    return found


def _compiles(data: bytes, path: str) -> bool:
    if path.endswith(".ipynb"):
        return True  # cells hold magics; what is not Python would be an error of the second lint
    try:
        compile(data, path, "exec", dont_inherit=True)
    except SyntaxError:
        return False
    return True


def _lost(before: bytes, after: bytes) -> bool:
    """Are there fewer comments than before?"""
    return bool(_comments(before) - _comments(after))


def _comments(data: bytes) -> Counter[str]:
    try:
        tokens = list(tokenize.tokenize(io.BytesIO(data).readline))
    except (tokenize.TokenError, SyntaxError):
        return Counter()
    return Counter(token.string for token in tokens if token.type == tokenize.COMMENT)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("trees", nargs="+", metavar="[NAME=]TREE")
    parser.add_argument("--safe", action="store_true", help="safe fixes alone")
    parser.add_argument("--write", type=Path, metavar="FILE")
    options = parser.parse_args(arguments)
    rows: list[Row] = []
    mended: Counter[str] = Counter()
    for given in options.trees:
        name, _, folder = given.rpartition("=")
        row, gone = measured(name or Path(folder).name, Path(folder).resolve(), unsafe=not options.safe)
        rows.append(row)
        mended += gone
        print(_line(row), flush=True)
        for what in ("broken", "new", "unstable", "lost"):
            for place in getattr(row, what):
                print(f"  {what}: {place}", flush=True)
        if options.write:
            _write(options.write, _page(rows, mended))
    print(", ".join(f"{rule} {count}" for rule, count in sorted(mended.items())))
    return 0 if all(row.held for row in rows) else 1


BEGIN, END = "<!-- fixes -->", "<!-- /fixes -->"
HEAD = (
    "| tree | lines | findings | with a fix (safe) | files changed | findings left | do not compile "
    "| new rules | second run changes | comments lost | s |\n"
    "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---:|\n"
)


def _line(row: Row) -> str:
    troubles = " | ".join(str(len(found)) for found in (row.broken, row.new, row.unstable, row.lost))
    return (
        f"| {row.name} | {row.lines:,} | {row.before:,} | {row.with_fix:,} ({row.safe}) | {row.files} "
        f"| {row.after:,} | {troubles} | {row.seconds:.0f} |"
    )


def _write(path: Path, table: str) -> None:
    """The table in the place of the one that the page has, between two comments; the words around it stay."""
    text = path.read_text(encoding="utf-8") if path.exists() else f"{BEGIN}\n{END}\n"
    head, _, rest = text.partition(BEGIN)
    _, _, tail = rest.partition(END)
    path.write_text(f"{head}{BEGIN}\n{table}{END}{tail}", encoding="utf-8", newline="\n")


def _page(rows: Sequence[Row], mended: Counter[str]) -> str:
    counts = "".join(f"| {rule} | {count} |\n" for rule, count in sorted(mended.items()))
    total = Row("all", *(sum(row[n] for row in rows) for n in range(1, 8)), *_troubles(rows))
    table = "\n".join(map(_line, [*rows, total]))
    return f"{HEAD}{table}\n\n| rule | places fewer |\n|---|---:|\n{counts}"


def _troubles(rows: Sequence[Row]) -> list[list[str]]:
    return [[place for row in rows for place in row[n]] for n in range(8, 12)]


if __name__ == "__main__":
    sys.exit(main())
