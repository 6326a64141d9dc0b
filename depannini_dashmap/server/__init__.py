"""How a process serves: what stands between any ASGI server and the application."""
