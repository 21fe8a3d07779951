"""``python -m perfcheck``."""

from perfcheck.cli.main import main

if __name__ == "__main__":
    main()
