"""Text from elsewhere, made fit to be shown."""


def printable(text: str) -> str:
    """Return a text on one line, with nothing in it that a terminal would obey.

    Names and messages come from clusters and scripts: a line break in one must not break a table,
    nor an escape sequence reach the terminal.
    """
    if text.isprintable():
        return text
    one_line = " ".join(text.split())
    return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in one_line)
