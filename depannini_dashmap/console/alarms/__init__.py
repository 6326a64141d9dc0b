"""The alarms of whoever looks: one list, how many ring, and who takes care of which."""
