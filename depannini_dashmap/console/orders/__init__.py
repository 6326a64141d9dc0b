"""The page that puts orders into a trip."""
