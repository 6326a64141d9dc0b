"""What operators run and look at: backups, retention, personal data, the doctor, the metrics page."""
