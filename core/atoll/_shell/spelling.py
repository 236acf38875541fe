"""Quotes a completed word, with the quotes that the user has begun, or with those that it needs.

The quotes stay open if the word must be continued: after a folder's path, or a text that ends in a
blank.
"""

from atoll._tokens import Token
from atoll.text import quote

_GOES_ON = ("/", " ")


def spell(word: str, piece: Token | None, raw: str) -> str:
    """Return `word` with quotes, to replace the piece that was typed as `raw`."""
    mark = raw[:1] if raw[:1] in ("'", '"') else ""
    if mark == "'" and "'" in word:
        mark = ""
    if not mark or (piece is not None and not piece.quote):
        return _bare(word, raw)
    inside = word.replace("\\", "\\\\").replace('"', '\\"') if mark == '"' else word
    return mark + inside + ("" if word.endswith(_GOES_ON) else mark)


def _bare(word: str, raw: str) -> str:
    # A tilde means the home folder only without quotes.
    if raw.startswith("~") and word.startswith("~/"):
        return "~/" + (quote(word[2:]) if word[2:] else "")
    # In a line, * has no special meaning.
    quoted = word if word == "@*" else quote(word)
    return quoted[:-1] if word.endswith(" ") and quoted.endswith("'") else quoted
