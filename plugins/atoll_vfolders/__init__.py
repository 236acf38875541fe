"""Virtual folders, what lies in them, and dotfiles."""
