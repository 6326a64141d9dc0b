"""Help on the roadside: assistants' profiles, requests, offers, chat and tariffs."""
