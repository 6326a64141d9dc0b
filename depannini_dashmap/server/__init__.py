"""How a process serves: the layer between any ASGI server and the application."""
