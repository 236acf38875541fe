"""What the prompt shows about changes of sessions: in its toolbar, and above the line."""
