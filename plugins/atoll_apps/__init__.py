"""Applications in sessions: tunnels to them, SSH, and the proxy of the API."""
