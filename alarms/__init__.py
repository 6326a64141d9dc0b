"""What somebody has to look at now: alarms about requests, jobs, trips, vehicles and messages, whoever takes care of them, and who is called."""
