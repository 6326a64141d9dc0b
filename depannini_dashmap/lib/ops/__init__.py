"""Running it: logs, metrics, audit, cache, system checks and the task worker."""
