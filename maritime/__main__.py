"""``python -m maritime`` is the ``maritime`` command."""

from maritime.cli import main

if __name__ == "__main__":
    main(prog_name="maritime")
