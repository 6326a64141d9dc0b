"""Faults on purpose: servers, PostgreSQL and Redis of a drill's own, broken under a known load."""
