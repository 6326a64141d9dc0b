"""App configurations of the project itself."""

from django.apps import AppConfig
from django.contrib.admin.apps import AdminConfig


class DepanniniDashmapConfig(AppConfig):
    """Holds templates, commands and system checks that belong to no domain."""

    name = "depannini_dashmap"
    verbose_name = "Depannini DashMap"

    def import_models(self) -> None:
        """Load the project's models; it is the first app, so nothing has loaded DRF before."""
        from depannini_dashmap.lib.api.spared_packages import spare_unused_packages

        spare_unused_packages()
        super().import_models()

    def ready(self) -> None:
        """Register the deployment checks, and erase again whom a restore brings back."""
        from django.db.models.signals import post_migrate

        from depannini_dashmap.lib.ops import checks  # noqa: F401
        from depannini_dashmap.operations import erasure_replay

        post_migrate.connect(erasure_replay.apply_after_migrate, sender=self)


class DispatchAdminConfig(AdminConfig):
    """Django's admin with the dispatchers' site as its default."""

    default_site = "depannini_dashmap.console.admin_site.DispatchAdminSite"

    def ready(self) -> None:
        """Register the admin classes of all apps, without what only workbooks need."""
        from depannini_dashmap.lib.sheets.lazy_openpyxl import spare_openpyxl

        spare_openpyxl()
        super().ready()
