"""Wiring of the assistance app."""

from django.apps import AppConfig


class AssistanceConfig(AppConfig):
    """Help on the roadside: requests, offers, chat, tariffs and the assistants' profiles."""

    name = "assistance"

    def ready(self) -> None:
        """Connect the receivers of what the apps below announce."""
        from assistance import receivers  # noqa: F401
