"""The socket paths of this app."""

from django.urls import re_path

from trips.driver_socket import DriverSocket

websocket_urlpatterns = [re_path(r"^ws/t/?$", DriverSocket.as_asgi())]
