"""The database's side: prepared statements, locks, the watchdog over a database that does not answer, readiness."""
