"""``perfcheck completion``."""

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem


def rules_like(context: click.Context, parameter: click.Parameter, begun: str) -> "list[CompletionItem]":
    """The codes and names, for options categories too, that begin like what follows the last comma."""
    from click.shell_completion import CompletionItem

    from perfcheck.rulebook.book import load_rules

    before, comma, word = begun.rpartition(",")
    rules = load_rules()
    words = {name: rule.name for rule in rules for name in (rule.code, rule.name)}
    if isinstance(parameter, click.Option):
        words |= {rule.category: "category" for rule in rules}
    return [
        CompletionItem(before + comma + name, help=words[name])
        for name in sorted(words)
        if name.startswith(word)
    ]


@click.command(short_help="Print the script that completes perfcheck's options in a shell.")
@click.argument("shell", type=click.Choice(("bash", "zsh", "fish")))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print the script that completes perfcheck's options in a shell.

    \b
    bash: perfcheck completion bash >> ~/.bashrc
    zsh:  perfcheck completion zsh >> ~/.zshrc
    fish: perfcheck completion fish > ~/.config/fish/completions/perfcheck.fish
    """
    from click.shell_completion import get_completion_class

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"click cannot complete in {shell}")
    group = context.find_root().command
    click.echo(kind(group, {}, "perfcheck", "_PERFCHECK_COMPLETE").source())
