"""What every app may lean on; owns no tables and imports no app."""
