"""An admin whose saves and deletions are services: a refusal is shown as a message, and nothing is changed."""

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from depannini_dashmap.lib.admin.tenancy import TenantAdmin
from depannini_dashmap.lib.errors import DomainError


class ServiceAdmin(TenantAdmin):
    """Subclasses call services in `save_model` and `delete_model`."""

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._show_refusal(request, request.get_full_path(), super().changeform_view, *args, **kwargs)

    def delete_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self._show_refusal(request, request.get_full_path(), super().delete_view, *args, **kwargs)

    def get_actions(self, request: HttpRequest) -> dict:
        # Rows are deleted one by one, so that each refusal can be shown.
        return {name: action for name, action in super().get_actions(request).items() if name != "delete_selected"}

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> tuple[list, dict, set, list]:
        # The service decides what hangs on a row.
        return [str(row) for row in objs], {}, set(), []

    def _show_refusal(self, request: HttpRequest, back: str, view: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return view(request, *args, **kwargs)
        except DomainError as error:
            messages.error(request, error.for_page())
            return HttpResponseRedirect(back)
