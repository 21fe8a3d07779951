"""Pages of the site that are not written by hand, and links that lead out of ``docs``; a hook of mkdocs."""

import posixpath
import re
import sys
from pathlib import Path
from typing import Any, Final

import click
from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT: Final = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT))

from perfcheck.cli.main import COMMANDS, cli  # noqa: E402
from perfcheck.cli.rule import markdown  # noqa: E402
from perfcheck.rulebook.book import load_rules  # noqa: E402

SOURCE: Final = "https://github.com/perfcheck/perfcheck/blob/main/"

_LINK: Final = re.compile(r"(\]\()(?![a-z]+:|#)([^)#\s]+)((?:#[^)]*)?\))")
_EXAMPLE: Final = re.compile(r"^```python (bad|good|fixed)$", re.MULTILINE)
_COMMENT: Final = re.compile(r"^<!-- /?categories -->\n", re.MULTILINE)


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The rules by category, below their list."""
    from docs.list_rules import by_category

    rules = next(entry["Rules"] for entry in config.nav or [] if "Rules" in entry)
    for category, group in by_category(load_rules()).items():
        rules.append({category: [{f"{rule.code} {rule.name}": _page(rule)} for rule in group]})
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    made = {"index.md": (ROOT / "README.md").read_text(encoding="utf-8"), "commands.md": commands()}
    made |= {_page(rule): _EXAMPLE.sub(r'```python title="\1"', markdown(rule)) for rule in load_rules()}
    for path, content in made.items():
        files.append(File.generated(config, path, content=content))
    return files


def _page(rule: Any) -> str:
    return f"rules/{rule.category}/{rule.name}.md"


def on_page_markdown(text: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Links lead to pages of the site where there is one, and to the repository otherwise."""
    path = page.file.src_uri
    here = "README.md" if path == "index.md" else path if path.startswith("rules/") else f"docs/{path}"

    def led(link: re.Match[str]) -> str:
        target = posixpath.normpath(posixpath.join(posixpath.dirname(here), link[2]))
        if target == "rules":
            target = "rules.md"
        target = "index.md" if target == "README.md" else target.removeprefix("docs/")
        if files.get_file_from_path(target) is None:
            return f"{link[1]}{SOURCE}{target}{link[3]}"
        return link[1] + posixpath.relpath(target, posixpath.dirname(path) or ".") + link[3]

    return _LINK.sub(led, _COMMENT.sub("", text))


def commands() -> str:
    """Every command with its options, as ``--help`` prints them."""
    parts = ["# Commands", "Every command has `--help`, which prints what stands here."]
    parent = click.Context(cli, info_name="perfcheck")
    for name in COMMANDS:
        command = cli.get_command(parent, name)
        if command is None:
            raise LookupError(name)
        with click.Context(command, info_name=name, parent=parent, max_content_width=90) as context:
            parts.append(f"## perfcheck {name}\n\n```text\n{command.get_help(context)}\n```")
    return "\n\n".join(parts) + "\n"
