"""Wiring of the assistance app."""

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AssistanceConfig(AppConfig):
    """Help on the roadside: requests, offers, chat, tariffs and the assistants' profiles."""

    name = "assistance"
    verbose_name = _("Assistance")

    def ready(self) -> None:
        """Connect the receivers of what the apps below announce."""
        from assistance import receivers  # noqa: F401
