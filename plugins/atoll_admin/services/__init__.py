"""Commands over the REST API: what is no kind of thing, but something the cluster does."""
