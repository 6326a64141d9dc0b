"""Pages of vehicles: bringing them back, connecting trackers."""
