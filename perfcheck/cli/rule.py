"""``perfcheck rule``: what a rule says, and whether pages are right."""

import json
import sys
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import IO, Any

import click

from perfcheck.cli.completion import rules_like
from perfcheck.cli.output import write
from perfcheck.config.lookup import Lookup
from perfcheck.config.settings import ConfigError
from perfcheck.findings import Finding
from perfcheck.report.summary import plural
from perfcheck.rulebook.book import find_pages, load_rules, read_pages, unknown_references
from perfcheck.rulebook.page import BadPages, PageError
from perfcheck.rulebook.rule import Rule
from perfcheck.rulebook.selection import nearest


@click.command(short_help="Explain a rule, or check rule pages.")
@click.argument("rules", metavar="[CODE|NAME]...", nargs=-1, shell_complete=rules_like)
@click.option("--all", "everything", is_flag=True, help="All rules, those of the project too.")
@click.option(
    "--output-format",
    type=click.Choice(["text", "json", "markdown"]),
    default="text",
    show_default=True,
    help="How to write the rules.",
)
@click.option(
    "--check",
    is_flag=True,
    help="Check rule pages: the arguments are pages or folders of them (none: the built-in pages).",
)
def rule(rules: tuple[str, ...], everything: bool, output_format: str, check: bool) -> None:
    """Explain the rules of the given codes or names.

    \b
    perfcheck rule PC101
    perfcheck rule item-in-hot-loop
    perfcheck rule --all --output-format json
    perfcheck rule --check perf_rules/
    """
    if check:
        _check_pages([Path(path) for path in rules])
        return
    if everything == bool(rules):
        raise click.UsageError("Name the rules to explain, or give --all.")
    known = _known_rules()
    chosen = known if everything else [_find(word, known) for word in rules]
    if output_format == "json":
        documents = [document(each) for each in chosen]
        several = everything or len(documents) > 1
        write(json.dumps(documents if several else documents[0], indent=2) + "\n")
    elif output_format == "markdown":
        write("\n".join(markdown(each) for each in chosen), as_utf8=True)
    elif sys.stdout.isatty():
        _show(chosen, sys.stdout)
    else:
        write("\n".join(text(each) for each in chosen))


def document(rule: Rule) -> dict[str, Any]:
    """All that a page says, for programs."""
    return {
        "code": rule.code,
        "name": rule.name,
        "category": rule.category,
        "severity": rule.severity,
        "confidence": rule.confidence,
        "event": rule.event,
        "match": [pattern.text for pattern in rule.match],
        "operators": list(rule.operators),
        "detector": rule.detector,
        "where": [predicate.text for predicate in rule.where],
        "worth": [predicate.text for predicate in rule.worth],
        "message": rule.message,
        "help": rule.help,
        "sources": list(rule.sources),
        "instead_of": list(rule.instead_of),
        "fix": None
        if rule.fix is None
        else {
            "safety": rule.fix.safety,
            "replace": rule.fix.replace,
            "by_pattern": {pattern.text: template for pattern, template in rule.fix.by_pattern},
            "keywords": dict(rule.fix.keywords),
            "where": [predicate.text for predicate in rule.fix.where],
            "codemod": rule.fix.codemod,
            "reason": rule.fix.reason,
        },
        "url": rule.url,
        "sections": [{"heading": heading, "text": text} for heading, text in rule.sections],
        "examples": [
            {"kind": example.kind, "code": example.code, "flagged": list(example.flagged)}
            for example in rule.examples
        ],
    }


def markdown(rule: Rule) -> str:
    """The page, with the front matter's facts as a line of text."""
    facts = f"{rule.severity}, {rule.confidence} confidence, {rule.category}, event {rule.event}"
    parts = [f"# {rule.name} ({rule.code})", f"*{facts}*", _in_general(rule.help)]
    parts += [f"## {heading}\n\n{body}" for heading, body in rule.sections]
    return "\n\n".join(parts) + "\n"


def text(rule: Rule) -> str:
    """The page for a pipe: underlined headings instead of Markdown's marks."""
    title = f"{rule.code} {rule.name}"
    facts = f"{rule.severity}, {rule.confidence} confidence, {rule.category}, event {rule.event}"
    parts = [f"{title}\n{'=' * len(title)}", facts, _in_general(rule.help)]
    parts += [f"{heading}\n{'-' * len(heading)}\n{body}" for heading, body in rule.sections]
    parts.append(rule.url)
    return "\n\n".join(parts) + "\n"


class _Names(dict[str, str]):
    """Gives every placeholder its own name."""

    def __missing__(self, name: str) -> str:
        return name


def _in_general(template: str) -> str:
    """A message or help that speaks of no particular place."""
    return template.format_map(_Names())


def example_linter(rules: Sequence[Rule], directory: Path) -> Callable[[str], Iterable[Finding]]:
    """A function that lints a text under the rules, as the only file of a project in the directory."""
    from perfcheck.lint.check import LintOptions, lint
    from perfcheck.lint.suppression import unsuppressed
    from perfcheck.source.text import SourceFile

    file = directory / "train.py"

    def findings(text: str) -> Iterable[Finding]:
        file.write_text(text, encoding="utf-8")
        target = SourceFile(file, file.name, text)
        found = lint([target], root=directory, rules=rules, options=LintOptions()).findings
        return unsuppressed(target, found, rules, rules)

    return findings


def _known_rules() -> tuple[Rule, ...]:
    """The built-in rules and those of the project that the working directory is in."""
    own = Lookup().settings(str(Path.cwd())).rules
    try:
        return load_rules([Path(path) for path in own])
    except BadPages as bad:
        raise ConfigError(str(bad)) from None


def _find(word: str, rules: Sequence[Rule]) -> Rule:
    for each in rules:
        if word in (each.code, each.name) or word.upper() == each.code:
            return each
    near = nearest(word, (name for each in rules for name in (each.code, each.name)))
    hint = f" Did you mean {near}?" if near else ""
    raise click.UsageError(f"There is no rule {word}.{hint} `perfcheck rule --all` lists all of them.")


def _show(rules: Sequence[Rule], terminal: IO[str]) -> None:
    from rich.console import Console
    from rich.markdown import Markdown

    console = Console(file=terminal)
    for each in rules:
        console.print(Markdown(markdown(each)))


def _check_pages(paths: Sequence[Path]) -> None:
    """Say what is wrong with the pages; ends with exit code 2 if anything is."""
    for path in paths:
        if not path.exists():
            raise click.UsageError(f"There is no file or folder {path}.")
    try:
        pages = [page for path in paths for page in find_pages(path)]
    except BadPages as bad:
        raise click.UsageError(str(bad)) from None
    checked, errors = _verified(pages)
    write("".join(f"{error}\n" for error in sorted(errors)))
    if errors:
        raise ConfigError(f"{plural(len(errors), 'problem')} in {plural(checked, 'rule page')}")
    write(f"{plural(checked, 'rule page')} checked, nothing to mend\n")


def _verified(pages: Sequence[Path]) -> tuple[int, list[PageError]]:
    """How many pages were looked at, and what is wrong with them."""
    import tempfile

    from perfcheck.lint.detectors import DETECTORS
    from perfcheck.rulebook.examples import check_page

    try:
        built_in = [Path(rule.page) for rule in load_rules(detectors=DETECTORS)]
        others = [page for page in pages if page.resolve() not in built_in]
        rules = read_pages(
            [(page, True) for page in built_in] + [(page, False) for page in others], detectors=DETECTORS
        )
    except BadPages as bad:
        return len(pages), list(bad.errors)
    wanted = {str(page.resolve()) for page in pages} | set(map(str, others))
    checked = [rule for rule in rules if rule.page in wanted or not pages]
    errors = [error for error in unknown_references(rules) if error.path in wanted or not pages]
    with tempfile.TemporaryDirectory(prefix="perfcheck-") as directory:
        lint_text = example_linter(rules, Path(directory))
        for each in checked:
            errors.extend(check_page(each, lint_text))
            if each.fix is not None:
                from perfcheck.fix.examples import check_fix

                errors.extend(check_fix(each, lint_text))
    return len(checked), errors
