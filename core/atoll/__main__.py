"""Runs the program by `python -m atoll`."""

from atoll._cli import main

if __name__ == "__main__":
    main()
