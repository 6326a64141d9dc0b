"""Wiring of the project: settings, URLs, servers; what apps lean on is in `lib`."""
