"""Generated input and generated sequences against running servers: `make fuzz`."""
