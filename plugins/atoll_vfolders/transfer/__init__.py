"""Moving files between this machine and folders: resumed, verified, several at a time."""
