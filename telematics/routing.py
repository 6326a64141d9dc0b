"""The socket paths of this app."""

from django.urls import re_path

from telematics.consumers import FleetConsumer

websocket_urlpatterns = [re_path(r"^ws/fleet/?$", FleetConsumer.as_asgi())]
