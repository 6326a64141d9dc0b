"""The page that approves assistants."""
