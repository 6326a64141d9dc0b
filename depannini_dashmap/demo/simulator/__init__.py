"""A moving world that uses the product as people do: over its REST API and its sockets, and in no other way."""
