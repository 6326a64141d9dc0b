"""The live map: vehicles, assistants, requests and when trips may arrive."""
