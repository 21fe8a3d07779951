"""Part of building the wheel: the rule pages are read then, and not whenever somebody lints a file."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class PackedPages(BuildHookInterface):
    """Puts the rules, as read, beside their pages; not into editable installs, whose pages change."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        if version == "editable":
            return
        sys.path.insert(0, self.root)
        from perfcheck.lint.detectors import DETECTORS
        from perfcheck.rulebook.book import built_in_pages, find_pages, read_pages
        from perfcheck.rulebook.packed import PACKED, pack

        folder = built_in_pages()
        rules = read_pages(((page, True) for page in find_pages(folder)), detectors=DETECTORS)
        self._made = TemporaryDirectory()  # gone with this hook, after the wheel is written
        target = Path(self._made.name, PACKED)
        target.write_bytes(pack(folder, rules))
        build_data["force_include"][str(target)] = f"perfcheck/rules/{PACKED}"
