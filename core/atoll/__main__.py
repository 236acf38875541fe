"""`python -m atoll`: the program, for those who start it by its module."""

from atoll._cli import main

if __name__ == "__main__":
    main()
