"""The scheduler: the queue, and the life of sessions from start to end."""
