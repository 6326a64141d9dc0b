"""The socket paths of this app."""

from django.urls import re_path

from assistance.consumers import AssistanceConsumer, AssistantConsumer

websocket_urlpatterns = [
    re_path(r"^ws/assistant/(?P<key>[^/]+)/?$", AssistantConsumer.as_asgi()),
    re_path(r"^ws/assistance/(?P<key>[^/]+)/?$", AssistanceConsumer.as_asgi()),
]
