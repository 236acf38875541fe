"""Commands over the REST API for functions of the cluster that are no entities."""
