"""How a completed word is written: in the quotes that were begun, or in those it needs."""

from atoll._tokens import Token
from atoll.text import quote


def spell(word: str, piece: Token | None, raw: str) -> str:
    """Write `word` in place of the piece, of which `raw` was typed; a folder's quote stays open."""
    if raw.startswith(("$", '"$')) and word.startswith("$"):
        return raw[: raw.index("$")] + word  # quoted, it would be no variable
    mark = raw[:1] if raw[:1] in ("'", '"') else ""
    if mark == "'" and "'" in word:
        mark = ""
    if not mark or (piece is not None and not piece.quote):
        return _bare(word, raw)
    inside = word.replace("\\", "\\\\").replace('"', '\\"') if mark == '"' else word
    return mark + inside + ("" if word.endswith("/") else mark)


def _bare(word: str, raw: str) -> str:
    # A tilde is read as the home folder only where no quote protects it.
    if raw.startswith("~") and word.startswith("~/"):
        return "~/" + (quote(word[2:]) if word[2:] else "")
    # In a line, * means nothing by itself.
    return word if word == "@*" else quote(word)
