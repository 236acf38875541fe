"""Administration: users, keypairs, policies, agents, and all else that a cluster is made of."""
