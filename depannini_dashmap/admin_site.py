"""The dispatchers' admin site."""

from django.contrib.admin import AdminSite
from django.http import HttpRequest


class DispatchAdminSite(AdminSite):
    """Open to operators and to members of a company; `is_staff` alone opens nothing."""

    site_header = "Depannini DashMap"
    site_title = "Depannini DashMap"
    index_title = "Dispatch"

    def has_permission(self, request: HttpRequest) -> bool:
        user = request.user
        return bool(user.is_active and user.is_authenticated and (user.is_operator or user.is_company_member))
