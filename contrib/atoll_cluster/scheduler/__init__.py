"""The scheduler: manages the queue and all sessions, from their start to their end."""
