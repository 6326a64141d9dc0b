"""The report of a month: what jobs, orders and trips came to, by assistant, vehicle, customer and day."""
