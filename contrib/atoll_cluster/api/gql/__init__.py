"""GraphQL: the schema, its resolvers, and the languages of filters and orders."""
