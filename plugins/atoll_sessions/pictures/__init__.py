"""Pictures that code shows: drawn in the terminal, kept in a folder, or told of in a line.

A picture comes from a session and may be anything. Its size is bounded, PNG files are checked chunk
by chunk, and all other decoding is done by a process of its own, which is bounded in memory and
time (:mod:`atoll_sessions.pictures.drawing`).
"""

from atoll_sessions.pictures.albums import Album
from atoll_sessions.pictures.gallery import Gallery
from atoll_sessions.pictures.media import Broken, medium

__all__ = ["Album", "Broken", "Gallery", "medium"]
