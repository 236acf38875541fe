"""Shows pictures from code: draws them in the terminal, stores them in a folder, or prints a line
about them.

A picture comes from a session and is not trusted. Its size is bounded, PNG files are checked chunk
by chunk, and all other decoding is done by a process of its own, which is bounded in memory and
time (:mod:`atoll_sessions.pictures.drawing`).
"""

from atoll_sessions.pictures.albums import Album
from atoll_sessions.pictures.gallery import Gallery
from atoll_sessions.pictures.media import Broken, medium

__all__ = ["Album", "Broken", "Gallery", "medium"]
