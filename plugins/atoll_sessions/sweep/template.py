"""Replacing variables in texts: `$X` and `${X}`.

Only the variables of the sweep are replaced. Any other dollar sign, also `$$`, stays as it is, for
the shell or language of the text. Where X is a variable of the sweep, `$$X` becomes the text `$X`.
"""

import re
from collections.abc import Collection, Mapping

_REFERENCE = re.compile(r"\$(\$?)(?:([A-Za-z_][A-Za-z0-9_]*)|\{([A-Za-z_][A-Za-z0-9_]*)\})")


def interpolate(text: str, values: Mapping[str, str]) -> str:
    """Replace the references to these variables."""

    def replace(found: re.Match[str]) -> str:
        escaped, bare, braced = found.groups()
        name = bare or braced
        if name not in values:
            return found[0]
        return found[0][1:] if escaped else values[name]

    return _REFERENCE.sub(replace, text)


def mentioned(text: str, names: Collection[str]) -> set[str]:
    """Return which of the variables a text refers to."""
    return {
        bare or braced
        for escaped, bare, braced in _REFERENCE.findall(text)
        if not escaped and (bare or braced) in names
    }
