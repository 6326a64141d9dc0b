"""The page of a company's people and invitations."""
