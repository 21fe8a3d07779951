"""The command as people run it: a process of its own."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent.parent


class Ran(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document

    @property
    def found(self) -> list[tuple[str, str, int]]:
        """Path, rule and line of each finding of the JSON document."""
        return [(found["path"], found["rule"], found["line"]) for found in self.document["findings"]]


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name not in ("NO_COLOR", "FORCE_COLOR")}
    return {**kept, "PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "", **(extra or {})}


def perfcheck(
    *arguments: str | Path,
    cwd: Path,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    program: tuple[str, ...] = ("-m", "perfcheck"),
) -> Ran:
    run = subprocess.run(
        [sys.executable, *program, *map(str, arguments)],
        cwd=cwd,
        input=stdin,
        env=environment(env),
        capture_output=True,
        timeout=300,
        check=False,
    )
    return Ran(run.returncode, run.stdout.decode(), run.stderr.decode())


def lint(*arguments: str | Path, cwd: Path, stdin: bytes = b"", env: Mapping[str, str] | None = None) -> Ran:
    """Lint with a JSON document as the answer."""
    return perfcheck("lint", "--output-format", "json", *arguments, cwd=cwd, stdin=stdin, env=env)


def write(root: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root
