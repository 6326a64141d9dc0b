"""The flows of trips: `trips` (the tour and its status), `stops` (what it visits), `notify` (the driver), `arrivals`."""
