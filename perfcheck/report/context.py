"""What a report is made with, beside the result."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from perfcheck.findings import Finding
from perfcheck.rulebook.rule import Rule
from perfcheck.source.text import SourceFile, lines_of

if TYPE_CHECKING:
    from perfcheck.report.run import RunReport


@dataclass(frozen=True, slots=True)
class Context:
    """``sources`` by the path that findings name, for the lines shown; ``rules`` by code."""

    version: str
    sources: Mapping[str, SourceFile] = field(default_factory=dict)
    rules: Mapping[str, Rule] = field(default_factory=dict)
    color: bool = False
    columns: int = 0  # text: how wide the terminal is; 0: no terminal, nothing is wrapped
    statistics: bool = False  # text, concise: counts by rule after the findings
    explain: bool = False  # text: how each finding is known, and its rule's reason
    quiet: bool = False  # text: findings and errors only, no summary
    events: bool = False  # json: the predicted events
    run: "RunReport | None" = None  # json: what a run has shown
    gate: Mapping[str, Any] | None = None  # json: how scripts kept to their budgets

    def lines(self, finding: Finding) -> list[str]:
        """The lines that the finding's line numbers count, empty where the source is not known."""
        source = self.sources.get(finding.path)
        return [] if source is None else lines_of(source, finding.cell)


def where(finding: Finding) -> str:
    """``path:line:column``, for notebooks ``path:cell 3:line:column``."""
    cell = "" if finding.cell is None else f"cell {finding.cell}:"
    return f"{finding.path}:{cell}{finding.place.line}:{finding.place.column}"


def elsewhere(finding: Finding) -> str:
    """Its further places: the lines, and the columns on the finding's own line."""
    here = [str(p.column) for p in finding.places if p.line == finding.place.line]
    lines = list(dict.fromkeys(str(p.line) for p in finding.places if p.line != finding.place.line))
    parts = []
    if here:
        parts.append(f"column{'' if len(here) == 1 else 's'} {', '.join(here)}")
    if lines:
        parts.append(f"line{'' if len(lines) == 1 else 's'} {', '.join(lines)}")
    return " and ".join(parts)


def message(finding: Finding) -> str:
    """The reason and the further places, for formats that have no room of their own for these."""
    return f"{finding.message} (also {elsewhere(finding)})" if finding.places else finding.message
