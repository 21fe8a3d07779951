"""``python -m perfcheck``, and where the ``perfcheck`` command begins."""

import sys

if __name__ == "__main__" and not getattr(sys.flags, "safe_path", False):
    # Python looks for modules in the working directory first, and that is often what is to be linted:
    # a json.py there must not be taken for the standard library's.
    del sys.path[0]


def main() -> None:
    """Run the command; while it is still being loaded, too, an interrupt is told in a word."""
    try:
        from perfcheck.cli.main import main
    except KeyboardInterrupt:
        sys.stderr.write("perfcheck: interrupted\n")
        sys.exit(2)
    main()


if __name__ == "__main__":
    main()
