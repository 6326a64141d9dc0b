"""Read-only fields of the admin that link to a related row only for who may open it; Django links for everybody."""

from collections.abc import Iterator
from typing import Any

from django.contrib.admin import helpers
from django.http import HttpRequest


class LinkingForm(helpers.AdminForm):
    """A form of the admin as `request` may see it."""

    def __init__(self, shown: helpers.AdminForm, request: HttpRequest) -> None:
        super().__init__(shown.form, shown.fieldsets, {}, shown.readonly_fields, model_admin=shown.model_admin)
        self.prepopulated_fields = shown.prepopulated_fields
        self.request = request

    def __iter__(self) -> Iterator[helpers.Fieldset]:
        for name, options in self.fieldsets:
            yield _Fieldset(self.request, self.form, name, readonly_fields=self.readonly_fields, model_admin=self.model_admin, **options)


class _Fieldset(helpers.Fieldset):
    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def __iter__(self) -> Iterator[helpers.Fieldline]:
        for field in self.fields:  # type: ignore[attr-defined]
            yield _Line(self.request, self.form, field, self.readonly_fields, model_admin=self.model_admin)


class _Line(helpers.Fieldline):
    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def __iter__(self) -> Iterator[Any]:
        for number, field in enumerate(self.fields):
            if field in self.readonly_fields:
                yield _Field(self.request, self.form, field, is_first=number == 0, model_admin=self.model_admin)
            else:
                yield helpers.AdminField(self.form, field, is_first=number == 0)


class _Field(helpers.AdminReadonlyField):
    def __init__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.request = request

    def get_admin_url(self, remote_field: Any, remote_obj: Any) -> str:
        """Return the link, or the row's name for who would be refused."""
        assert self.model_admin is not None
        site, model = self.model_admin.admin_site, remote_field.model
        may_open = site.is_registered(model) and site.get_model_admin(model).has_view_or_change_permission(self.request, remote_obj)
        return super().get_admin_url(remote_field, remote_obj) if may_open else str(remote_obj)
