"""``perfcheck completion``."""

import click


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
