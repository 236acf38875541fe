"""Copies files into sessions and out of them, and lists them."""

from atoll.files import check_given
from atoll_sessions.files.sending import MOST_BYTES, MOST_FILES, collect, upload

__all__ = ["MOST_BYTES", "MOST_FILES", "check_given", "collect", "upload"]
