"""``perfcheck verify``."""

from typing import Any

import click

from perfcheck.cli.lint import rules_option


@click.command(
    short_help="Prove that fixes, or your own changes, leave a script's results as they were.",
    context_settings={"allow_interspersed_args": False, "ignore_unknown_options": False},
    epilog="Exit codes: 0 equal, and nothing got worse (or there is nothing to mend); 1 results differ, or a "
    "step waits or copies more; 2 it cannot be told.",
)
@click.argument("command", nargs=-1, metavar="SCRIPT [ARGUMENTS]...", type=click.UNPROCESSED)
@click.option("-m", "is_module", is_flag=True, help="SCRIPT is a module, as for python -m.")
@click.option("--fix", is_flag=True, help="Compare the project as it is with what lint --fix makes of it.")
@click.option("--against", metavar="REV", help="Compare a revision of git with the project as it is.")
@click.option("--unsafe-fixes", is_flag=True, help="With --fix: carry the others out, too.")
@rules_option("--select", "With --fix: only these rules.")
@rules_option("--ignore", "With --fix: not these rules.")
@rules_option("--fixable", "With --fix: mend only these rules.  [default: ALL]")
@rules_option("--unfixable", "With --fix: do not mend these rules.")
@click.option("--apply", is_flag=True, help="With --fix: write the fixes if the results are equal.")
@click.option("--diff", is_flag=True, help="With --fix: show what the fixes change.")
@click.option(
    "--device",
    type=click.Choice(("auto", "cuda", "emulated")),
    default="auto",
    show_default=True,
    help="A real GPU, or an emulated one; auto takes a real one if there is one.",
)
@click.option(
    "--seed",
    type=click.IntRange(0, 2**32 - 1),
    default=0,
    show_default=True,
    metavar="N",
    help="Of random numbers, set before the script's first line.",
)
@click.option(
    "--rtol", type=click.FloatRange(0), default=0.0, metavar="X", help="Numbers may differ by X times one.",
)  # fmt: skip
@click.option("--atol", type=click.FloatRange(0), default=0.0, metavar="X", help="Numbers may differ by X.")
@click.option("--wait", type=click.IntRange(0), metavar="N", help="Steps to let pass, events uncounted.")
@click.option(
    "--warmup", type=click.IntRange(0), metavar="N", help="cuda: steps to run then, recorded in vain."
)
@click.option("--steps", type=click.IntRange(1), metavar="N", help="Steps of which events are counted.")
@click.option("--stop-after", is_flag=True, help="End the script when the steps are done.")
@click.option("--timeout", type=click.FloatRange(0, min_open=True), metavar="S", help="Seconds for each run.")
@click.option("--stdin", metavar="FILE", type=click.Path(), help="What each run reads.  [default: nothing]")
@click.option("--keep", is_flag=True, help="Keep the copies, and say where.")
@click.option("--output-format", type=click.Choice(("text", "json")), default="text", show_default=True)
@click.option("-o", "--output-file", metavar="FILE", type=click.Path(), help="Write the report there.")
@click.option("-q", "--quiet", is_flag=True, help="Say nothing of what is being done.")
@click.option("-v", "--verbose", is_flag=True, help="Show tracebacks of internal errors.")
def verify(command: tuple[str, ...], **given: Any) -> int:
    """Run two versions of SCRIPT with the same seeds, each in a copy of the project, and compare what they
    compute, print and write, and what a step costs.

    Options stand before SCRIPT; what follows is its own. Nothing in the project changes without --apply.
    """
    if not command:
        raise click.UsageError("name the script that is to be run")
    if bool(given["fix"]) == (given["against"] is not None):
        raise click.UsageError("say what is to be compared: either --fix, or --against REV")
    if not given["fix"]:
        for name in ("unsafe_fixes", "select", "ignore", "fixable", "unfixable", "apply", "diff"):
            if given[name]:
                raise click.UsageError(f"--{name.replace('_', '-')} wants --fix")
    try:
        from perfcheck.cli.verifying import verified
    except ModuleNotFoundError as missing:
        raise click.UsageError(f"verify needs {missing.name}: pip install 'perfcheck[trace]'") from None
    return verified(command, given)
