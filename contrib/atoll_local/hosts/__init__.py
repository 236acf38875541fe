"""Use the embedded cluster of another machine over SSH, and install atoll there."""
