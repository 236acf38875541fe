"""GraphQL: the schema, what answers its fields, and the languages of filters and orders."""
