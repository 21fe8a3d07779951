"""``perfcheck lint``."""

import gc
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import click

from perfcheck import __version__
from perfcheck.cli import narrowing
from perfcheck.cli.completion import rules_like
from perfcheck.cli.linting import Options, Outcome, find_files, lint_paths, lint_text
from perfcheck.cli.output import colors, complain, version_option, write
from perfcheck.cli.progress import ProgressBar
from perfcheck.config.lookup import Lookup, inline
from perfcheck.config.settings import MOST_JOBS, OUTPUT_FORMATS, SEVERITIES, TIERS, as_toml
from perfcheck.findings import INTERNAL
from perfcheck.report.summary import plural
from perfcheck.source.files import shown

FOUND = 1
"""The exit code that tells of findings."""

WRONG = 2
"""The exit code of an internal error, which is told among the errors."""

_FOR_PEOPLE = ("text", "concise")
_WITH_EDITS = ("json", "sarif")


def _listed(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Options that may be repeated and hold several values, with commas between."""
    return tuple(word for value in values for part in value.split(",") if (word := part.strip()))


def _rules(context: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[str, ...]:
    """Rules, of which an option that is there names one at least: none would come to mean all."""
    listed = _listed(context, option, values)
    if values and not listed:
        raise click.BadParameter("no rule is named; leave the option out")
    return listed


def rules_option(name: str, help: str) -> Callable[[Callable[..., int]], Callable[..., int]]:
    return click.option(
        name, multiple=True, metavar="RULES", callback=_rules, help=help, shell_complete=rules_like
    )


@click.command(
    short_help="Find the places where the code makes the GPU wait.",
    epilog="Exit codes: 0 nothing to report, 1 findings, 2 wrong use, bad configuration, internal error or "
    "interrupt. Files that cannot be read or parsed are told, and do not change it.",
)
@click.argument("paths", nargs=-1, metavar="[PATHS]...", type=click.Path(readable=False))
@rules_option("--select", "Only these rules: codes, prefixes such as PC1 (all PC1xx), names or categories.")
@rules_option("--ignore", "Not these rules.")
@rules_option("--extend-select", "These rules besides those selected.")
@click.option("--tier", type=click.Choice(TIERS), help="Least confidence that is shown.  [default: medium]")
@click.option("--severity", type=click.Choice(SEVERITIES), help="Least severity shown.  [default: info]")
@click.option("--output-format", type=click.Choice(OUTPUT_FORMATS), help="[default: text]")
@click.option("-o", "--output-file", metavar="FILE", type=click.Path(), help="Write the report there.")
@click.option("--statistics", is_flag=True, help="Count the findings of each rule.")
@click.option("--explain", is_flag=True, help="Say of each finding how it is known and why it is slow.")
@click.option("--events", is_flag=True, help="With json: every event that is predicted, hot or cold.")
@click.option(
    "--baseline", metavar="FILE", type=click.Path(), help="Tell only what FILE does not hold already."
)
@click.option("--write-baseline", metavar="FILE", type=click.Path(), help="Keep in FILE all that is found.")
@click.option("--prune-baseline", is_flag=True, help="Take out of the baseline what is not found any more.")
@click.option("--since", metavar="REV", help="Only lines that changed since this revision of git.")
@click.option(
    "--evidence",
    metavar="RUN",
    type=click.Path(),
    help="A folder of perfcheck trace: show what that run says of each finding.",
)
@click.option("--confirmed", is_flag=True, help="With --evidence: only what the run confirmed.")
@click.option("--fix", is_flag=True, help="Mend what can be mended safely: the same results, bit for bit.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix, --fix-only or --diff: mend the rest, too.")
@click.option("--diff", is_flag=True, help="Print what --fix would change, and change nothing.")
@click.option("--fix-only", is_flag=True, help="Mend, and say nothing of what is left.")
@rules_option("--fixable", "Mend only these rules.  [default: ALL]")
@rules_option("--unfixable", "Do not mend these rules.")
@click.option("-e", "--exit-zero", is_flag=True, help="Exit with 0 although there are findings.")
@click.option(
    "--exclude",
    multiple=True,
    metavar="PATTERNS",
    callback=_listed,
    help="Leave out what matches, as in .gitignore, besides what the configuration excludes.",
)
@click.option(
    "--force-exclude/--no-force-exclude",
    default=None,
    help="Leave out excluded files also where they are named one by one, as pre-commit does.",
)
@click.option(
    "--respect-gitignore/--no-respect-gitignore",
    default=None,
    help="Leave out what git ignores.  [default: yes]",
)
@click.option("--watch", is_flag=True, help="Lint again whenever a file changes.")
@click.option("--stdin-filename", metavar="NAME", type=click.Path(), help="What the text of - is called.")
@click.option("-n", "--no-cache", is_flag=True, help="Neither read nor write the cache.")
@click.option("--cache-dir", metavar="DIR", type=click.Path(), help="[default: .perfcheck_cache]")
@click.option(
    "-j", "--jobs", type=click.IntRange(1, MOST_JOBS), help="Processes.  [default: one a processor]"
)
@click.option(
    "--config",
    multiple=True,
    metavar="FILE|KEY=VALUE",
    help="A configuration file to use instead of the nearest, or one setting in TOML.",
)
@click.option("--isolated", is_flag=True, help="Read no configuration file.")
@click.option("--show-settings", is_flag=True, help="Print the settings that the first path has.")
@click.option("--show-files", is_flag=True, help="Print the files that would be linted.")
@click.option("-q", "--quiet", is_flag=True, help="Print findings and errors only.")
@click.option("-v", "--verbose", is_flag=True, help="Say what is done; show tracebacks of internal errors.")
@version_option
def lint(paths: tuple[str, ...], **given: Any) -> int:
    """Find the places where PyTorch code makes the GPU wait.

    PATHS are files and directories, - is standard input; without any, the working directory is linted.
    Nothing of what is linted is imported or run.
    """
    if given["watch"]:
        from perfcheck.cli.watching import watch

        return watch(paths or (".",), given, lambda: _lint(paths, given))
    if _fixing(given):
        return _lint(paths, given)
    gc.disable()  # the process ends with this, and what it leaves behind with the process
    try:
        return _lint(paths, given)
    finally:
        gc.freeze()
        gc.enable()


def _lint(paths: tuple[str, ...], given: dict[str, Any]) -> int:
    """As asked for, once; the exit code."""
    begin = time.perf_counter()
    from_stdin = "-" in paths
    if from_stdin and len(paths) > 1:
        raise click.UsageError("- stands for standard input and cannot be mixed with paths")
    if given["stdin_filename"] and not from_stdin:
        raise click.UsageError("--stdin-filename wants - as the path")
    lookup = _lookup(given)
    paths = paths or (".",)
    settings = lookup.settings(os.getcwd())
    narrowing.check_use(given, settings.baseline, from_stdin=from_stdin)
    if given["show_settings"]:
        return _show_settings(given["stdin_filename"] or paths[0], lookup)
    if given["events"] and settings.output_format != "json":
        raise click.UsageError("--events wants --output-format json")
    if given["confirmed"] and not given["evidence"]:
        raise click.UsageError("--confirmed wants --evidence RUN, which says what is")
    options = Options(
        exclude=given["exclude"],
        selectors=(*given["select"], *given["ignore"], *given["extend_select"]),
        events=given["events"] or given["evidence"] is not None,
        cache=not given["no_cache"],
    )
    if given["show_files"]:
        return _show_files(paths, lookup, options)
    changes = None if given["since"] is None else narrowing.changed_lines(given["since"], _existing(paths))
    if changes is not None:
        options = options._replace(only=frozenset(changes))
    fixing = _fixing(given)
    data = sys.stdin.buffer.read() if from_stdin else None
    paths = paths if from_stdin else _existing(paths)
    with ProgressBar(shown=not given["quiet"]) as progress:

        def linted(texts: Mapping[str, bytes], everywhere: bool = True) -> Outcome:
            """With content of some files that is not on disk yet: everything, or those alone."""
            if data is None:
                some = options if everywhere else options._replace(only=frozenset(texts))
                return lint_paths(paths, lookup, some, progress, texts)
            text = next(iter(texts.values()), data)
            return lint_text(text, given["stdin_filename"], lookup, options, progress)

        if fixing:
            from perfcheck.cli.fixing import fix

            code = fix(linted, given, data)
            if code is not None:
                return code
        outcome = linted({})
    if changes is not None:
        outcome = outcome.with_findings(narrowing.on_changed_lines(outcome, changes))
    if given["evidence"] is not None:
        from perfcheck.cli.joining import with_verdicts

        outcome = with_verdicts(outcome, Path(given["evidence"]), only_confirmed=given["confirmed"])
    result = outcome.result
    if given["verbose"]:
        seconds = time.perf_counter() - begin
        looked_at = f"{plural(result.files, 'file')} with {plural(result.lines, 'line')}"
        complain(f"{looked_at} in {seconds:.2f} s")
    if not result.files and not result.errors and not given["quiet"]:
        complain(
            "no Python files were found there" if changes is None else "no Python files have changed there"
        )
    if given["write_baseline"]:
        narrowing.keep(outcome, given["write_baseline"], quiet=given["quiet"])
    else:
        if settings.baseline is not None:
            outcome = outcome.with_findings(narrowing.new_findings(outcome, settings.baseline, given))
        _report(outcome, settings.output_format, given)
    if any(error.message.startswith(INTERNAL) for error in result.errors):
        return WRONG
    told = outcome.result.findings and not given["write_baseline"]
    return FOUND if told and not given["exit_zero"] else 0


def _fixing(given: dict[str, Any]) -> bool:
    """Is something to be mended, or to be shown as it would be?"""
    fixing = bool(given["fix"] or given["fix_only"] or given["diff"])
    if not fixing and (given["unsafe_fixes"] or given["fixable"] or given["unfixable"]):
        raise click.UsageError("--unsafe-fixes, --fixable and --unfixable want --fix, --fix-only or --diff")
    if fixing and given["since"] is not None:
        raise click.UsageError("--since looks at lines, which move while they are mended: fix whole files")
    return fixing


def _lookup(given: dict[str, Any]) -> Lookup:
    """The configuration, with what the command line says about it."""
    directory = os.getcwd()
    files: list[Path] = []
    overrides: dict[str, Any] = {}
    for value in given["config"]:
        if "=" in value and not os.path.exists(value):
            overrides.update(inline(value, directory))
        else:
            files.append(Path(value))
    if len(files) > 1:
        raise click.UsageError("--config takes one file; more of it are KEY=VALUE")
    if files and given["isolated"]:
        raise click.UsageError("--isolated reads no configuration file, --config names one")
    for name in ("select", "ignore", "extend_select"):
        if given[name]:
            overrides[name] = given[name]
    for name in ("tier", "severity", "output_format", "force_exclude", "respect_gitignore", "jobs"):
        if given[name] is not None:
            overrides[name] = given[name]
    for name in ("cache_dir", "baseline"):
        if given[name] is not None:
            overrides[name] = os.path.abspath(given[name])
    return Lookup(file=files[0] if files else None, isolated=given["isolated"], overrides=overrides)


def _existing(paths: tuple[str, ...]) -> tuple[str, ...]:
    for path in paths:
        if not os.path.lexists(path):
            raise click.UsageError(f"there is no file or directory {click.format_filename(path)}")
    return paths


def _show_settings(path: str, lookup: Lookup) -> int:
    absolute = os.path.abspath(path)
    settings = lookup.settings(absolute if os.path.isdir(absolute) else os.path.dirname(absolute))
    write(f"# {settings.source or 'no configuration file'}\n{as_toml(settings)}")
    return 0


def _show_files(paths: tuple[str, ...], lookup: Lookup, options: Options) -> int:
    files, errors = find_files(_existing(paths), lookup, options)
    directory = os.getcwd()
    write("".join(f"{shown(file, directory)}\n" for file in files))
    for error in errors:
        complain(f"{error.path}: {error.message}")
    return 0


def _report(outcome: Outcome, output_format: str, given: dict[str, Any]) -> None:
    from perfcheck.report import render
    from perfcheck.report.context import Context

    to_file = given["output_file"]
    on_terminal = to_file is None and sys.stdout.isatty()
    context = Context(
        version=__version__,
        sources=outcome.sources,
        rules=outcome.rules,
        color=to_file is None and colors(sys.stdout),
        columns=os.get_terminal_size(sys.stdout.fileno()).columns if on_terminal else 0,
        statistics=given["statistics"],
        explain=given["explain"],
        quiet=given["quiet"],
        events=given["events"],
    )
    result = outcome.result
    if output_format in _WITH_EDITS and any(finding.fix is not None for finding in result.findings):
        from perfcheck.fix.rounds import with_edits

        result = with_edits(result, outcome.sources)
    text = render(output_format, result, context)
    write(text, to_file, as_utf8=output_format not in _FOR_PEOPLE)
