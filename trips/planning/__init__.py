"""Planning a day: orders and vehicles in, trips with times and reasons out; plain values, no tables."""
