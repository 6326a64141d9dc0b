"""The page of what an operator does to accounts."""
