"""The only room that speaks to MongoDB: collections, indexes, schema, writes, and the embedded server."""
