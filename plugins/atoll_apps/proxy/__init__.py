"""The command `proxy`: signing requests and sending them to the cluster."""
