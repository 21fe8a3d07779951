"""A project kept between checks while its texts change: what no change can have touched is not asked again.

What a name stands for, what a function is for and which functions it calls depend on other modules'
*interfaces* alone: their imports, functions, classes and global variables, not what the functions do. While
interfaces stay, so do these answers; evaluated bodies are not kept.
"""

from __future__ import annotations

import gc
from collections.abc import Sequence

from perfcheck.lint.analysis import Analysis, LintOptions
from perfcheck.lint.corpus import Corpus, Seen
from perfcheck.lint.index import ModuleRecord
from perfcheck.rulebook.rule import Rule


class Standing:
    """One project's; for the same rules and options, which the caller sees to."""

    def __init__(self) -> None:
        self.seen: dict[str, Seen] = {}
        self._records: dict[str, ModuleRecord] = {}
        self._analysis: Analysis | None = None

    def analysis(
        self, records: Sequence[ModuleRecord], corpus: Corpus, rules: Sequence[Rule], options: LintOptions
    ) -> Analysis:
        """An analysis that answers as a new one would."""
        now = {record.path: record for record in records}
        before, known = self._records, self._analysis
        self._analysis = None  # an interrupt may leave it half changed
        changed = [record for path, record in now.items() if before.get(path) is not record]
        if known is not None and list(now) == list(before) and _same_interfaces(before, changed):
            known.replace(changed, corpus)
        else:
            known = Analysis(records, corpus, rules, options)
            if not before:
                gc.freeze()  # most of it will stay, and is not to be searched for garbage again and again
        self._records, self._analysis = now, known
        return known


def _same_interfaces(before: dict[str, ModuleRecord], changed: Sequence[ModuleRecord]) -> bool:
    return all(
        _interface(record) == _interface(before[record.path])
        and not _spoken_of(record.globals ^ before[record.path].globals, record.path, before)
        for record in changed
    )


def _interface(module: ModuleRecord) -> tuple[object, ...]:
    """What others may know of a module, its global variables apart."""
    return (
        module.name,
        module.is_package,
        module.imports,
        module.stars,
        [(f.qualname, f.owner, f.outer, f.params, f.decorators) for f in module.functions.values()],
        [class_._replace(line=0, end_line=0, assigns=False) for class_ in module.classes.values()],
    )


def _spoken_of(names: frozenset[str], path: str, modules: dict[str, ModuleRecord]) -> bool:
    """Does any other module read, import or call something of these names?"""
    return bool(names) and any(
        not names.isdisjoint(module.mentioned)
        or any(target.rpartition(".")[2] in names for target in module.imports.values())
        or any(not names.isdisjoint(function.names) for function in module.functions.values())
        for module in modules.values()
        if module.path != path
    )
