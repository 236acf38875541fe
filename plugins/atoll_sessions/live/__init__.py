"""What the prompt shows of sessions as they change: in its toolbar, and above the line."""
