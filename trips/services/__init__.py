"""The flows of trips: `trips` (the tour and its status), `stop_lists` (what it visits), `stop_arrivals`, `notify` (the driver)."""
