"""Sessions as jobs of Slurm: an engine for atoll's own cluster, on a site's login node."""
