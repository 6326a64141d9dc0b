"""Deployment checks: what is doubtful, with an id and a hint."""
