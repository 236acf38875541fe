"""Commands over the REST API: what is no entity, but something that the cluster does."""
