"""GraphQL: the schema, its resolvers, and the languages for filters and orders of lists."""
