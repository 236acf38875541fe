"""Decodes pictures in a process of its own: `python -m atoll_sessions.pictures.drawing`.

What comes from a session is not trusted to a decoder in the shell. This process has a bounded
memory and a bounded time; if it crashes, that costs one picture. It needs Pillow, and resvg for
SVG. On standard input comes the picture; on standard output goes what a terminal draws.
"""

BROKEN, MISSING = 3, 4
"""Exit codes: the picture can't be drawn, a library is not installed. Standard error says which."""
LEFT_OUT, NO_FONT = "left out", "no font"
"""Said on standard error of a picture that refers to something elsewhere, or whose text has no
font.
"""
