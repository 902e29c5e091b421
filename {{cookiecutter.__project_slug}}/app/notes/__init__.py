"""Notes, the sample domain: a resource that a user owns, and another below it."""
