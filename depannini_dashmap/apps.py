"""App configurations of the project itself."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class DepanniniDashmapConfig(AppConfig):
    """Holds templates, commands and system checks that belong to no domain."""

    name = "depannini_dashmap"

    def ready(self) -> None:
        """Register the deployment checks and let the names in pages follow the reader's language."""
        from django.apps import apps
        from django.db.models.signals import post_migrate

        from depannini_dashmap.console.wording import REFUSALS, translate_names
        from depannini_dashmap.lib.api import translated_errors
        from depannini_dashmap.operations import erasures

        translate_names(apps.get_app_configs())
        translated_errors.learn(REFUSALS)
        post_migrate.connect(erasures.apply_after_migrate, sender=self)


class DispatchAdminConfig(AdminConfig):
    """Django's admin with the dispatchers' site as its default."""

    default_site = "depannini_dashmap.console.admin_site.DispatchAdminSite"
