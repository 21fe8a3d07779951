"""``%%perfcheck``: trace a cell of a notebook. ``%load_ext perfcheck`` makes it known.

Without a GPU the notebook gets an emulated one when the extension is loaded, and keeps it.
"""

import shlex
from typing import Any

_HELP = "%%perfcheck takes --deep, --quiet and --results FOLDER"


def load_ipython_extension(shell: Any) -> None:
    """What IPython calls; ``shell`` is its InteractiveShell."""
    from perfcheck.capture.counting import listen
    from perfcheck.counted import Tally
    from perfcheck.inside import found_device

    if found_device("auto") == "emulated":
        keeps_the_device = Tally()
        keeps_the_device.counting = False
        listen(keeps_the_device)
        print(
            "perfcheck: there is no GPU; this notebook has an emulated one: it counts, and measures nothing"
        )

    def perfcheck(line: str, cell: str) -> None:
        """Trace the cell, and tell at which of its lines the GPU waits."""
        from perfcheck.inside import trace

        with trace(**_options(line)):
            shell.run_cell(cell).raise_error()

    shell.register_magic_function(perfcheck, "cell", "perfcheck")


def _options(line: str) -> dict[str, Any]:
    words = shlex.split(line)
    options: dict[str, Any] = {}
    while words:
        word = words.pop(0)
        if word in ("--deep", "--quiet"):
            options[word[2:]] = True
        elif word == "--results" and words:
            options["results"] = words.pop(0)
        else:
            raise ValueError(f"{word}: {_HELP}")
    return options
