"""Library of all apps; it owns no tables and imports no app."""
