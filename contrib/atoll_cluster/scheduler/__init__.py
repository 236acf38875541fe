"""The queue and the life of sessions: who gets which slots, what is started, and what has ended."""
