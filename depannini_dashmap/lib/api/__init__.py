"""Parsers, renderers, pagination, errors and base views of REST: DRF's classes with what the contract adds."""
