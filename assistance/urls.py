"""Paths of this app, below `/api/`."""

urlpatterns: list = []
