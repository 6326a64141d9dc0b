"""The search for places that the console's pages use."""
