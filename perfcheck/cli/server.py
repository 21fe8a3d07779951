"""``perfcheck server``."""

import click

from perfcheck.cli.output import complain

WRONG = 2


@click.command(short_help="Speak the language server protocol with an editor.")
def server() -> int:
    """Speak the language server protocol with an editor, over standard input and output.

    Findings come while one types, on text that is not saved yet; hovering shows the rule's page, and there
    are actions to mend a finding, or to silence it with a reason. docs/editors.md says how to set editors up.
    """
    try:
        from perfcheck.server.protocol import serve
    except ModuleNotFoundError as missing:
        needed, _, _ = (missing.name or "").partition(".")
        complain(f"server needs {needed}: pip install 'perfcheck[server]'")
        return WRONG
    serve()
    return 0
