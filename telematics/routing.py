"""The socket paths of this app."""

websocket_urlpatterns: list = []
