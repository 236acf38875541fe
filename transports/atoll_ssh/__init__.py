"""SSH: a way through a bastion for the other transports, and into sessions."""
