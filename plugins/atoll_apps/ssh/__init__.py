"""SSH into sessions: the commands, the logins, and the options of OpenSSH."""
