"""French: groups of thousands with the narrow space that does not break, as browsers write them."""

THOUSAND_SEPARATOR = "\u202f"
