"""The keys that sign the service's own tokens: what an operator does with them."""
