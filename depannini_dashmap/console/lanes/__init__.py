"""The planning page: orders that wait, a lane for each vehicle, and what a change of them means."""
