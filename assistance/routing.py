"""The socket paths of this app."""

from django.urls import re_path

from assistance.consumers import AssistanceConsumer, AssistantConsumer
from assistance.motorist_socket import MotoristSocket

websocket_urlpatterns = [
    re_path(r"^ws/assistant/(?P<key>[^/]+)/?$", AssistantConsumer.as_asgi()),
    re_path(r"^ws/assistance/(?P<key>[^/]+)/?$", AssistanceConsumer.as_asgi()),
    re_path(r"^ws/h/?$", MotoristSocket.as_asgi()),
]
