"""The page of one trip."""
