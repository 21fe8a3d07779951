"""``python -m perfcheck``."""

import sys

if not getattr(sys.flags, "safe_path", False):
    # Python looks for modules in the working directory first, and that is often what is to be linted:
    # a json.py there must not be taken for the standard library's.
    del sys.path[0]

from perfcheck.cli.main import main

if __name__ == "__main__":
    main()
