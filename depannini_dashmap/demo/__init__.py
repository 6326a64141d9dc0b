"""The demo's data, and a simulated world that uses the product as people do."""
