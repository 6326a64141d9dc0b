"""The dispatcher's console: the board, the live map and the buttons; rules belong to the services that it calls."""
