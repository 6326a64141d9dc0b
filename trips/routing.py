"""The socket paths of this app."""

from django.urls import re_path

from trips.customer_socket import CustomerSocket
from trips.driver_socket import DriverSocket

websocket_urlpatterns = [re_path(r"^ws/t/?$", DriverSocket.as_asgi()), re_path(r"^ws/o/?$", CustomerSocket.as_asgi())]
