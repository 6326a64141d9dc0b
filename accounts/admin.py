"""Accounts, companies and memberships in the admin; state changes go through the services."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.auth.admin import UserAdmin
from django.forms import CheckboxSelectMultiple, ModelForm
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from knox.models import AuthToken

from accounts import events, services
from accounts.admin_forms import AccountForm, MembershipForm, NewAccountForm, NewPasswordForm
from accounts.models import Company, Membership, User
from accounts.permissions import may_edit, may_own
from depannini_dashmap.lib.admin.service_admin import ServiceAdmin
from depannini_dashmap.lib.admin.tenancy import TenantAdmin
from depannini_dashmap.lib.errors import DomainError
from depannini_dashmap.lib.labels import listed
from depannini_dashmap.lib.ops import audit

# Its pages show digests and make tokens for anybody.
admin.site.unregister(AuthToken)

# The groups that a migration makes.
GROUPS = (_("Operators"), _("Roadside"))


class GroupFilter(admin.RelatedFieldListFilter):
    """Names the groups in the language of the page."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> list[tuple[Any, str]]:
        return [(key, gettext(name)) for key, name in super().field_choices(field, request, model_admin)]


RIGHTS = ("is_staff", "is_superuser", "groups", "user_permissions")


@admin.register(User)
class AccountAdmin(TenantAdmin, UserAdmin):
    """Everybody's accounts, for operators; rights are granted by superusers alone."""

    operators_only = True
    form, add_form, change_password_form = AccountForm, NewAccountForm, NewPasswordForm
    list_display = ("username", "shown_name", "user_type", "phone_number", "email", "is_active", "date_joined")
    list_filter = ("user_type", ("groups", GroupFilter), "is_active", "email_verified", "phone_verified")
    search_fields = ("username", "name", "first_name", "last_name", "email", "phone_number", "caller_phone")
    ordering = ("-date_joined", "-id")
    filter_horizontal = ()  # there are two groups: two lists with arrows between them say less than a box to tick
    readonly_fields = (
        "username",
        "user_type",
        "is_active",
        "email_verified",
        "phone_verified",
        "suspended",
        "caller_phone",
        "current_company",
        "date_joined",
        "last_login",
        "closed_at",
        "new_password",
    )
    fieldsets = (
        (None, {"fields": ("username", "user_type", "is_active", "new_password")}),
        (_("Person"), {"fields": ("name", "first_name", "last_name", "address")}),
        (
            _("Addresses"),
            {"fields": ("email", "email_verified", "phone_number", "phone_verified", "suspended", "caller_phone")},
        ),
        (_("Company"), {"fields": ("current_company",)}),
        (_("Rights"), {"fields": ("is_staff", "is_superuser", "groups")}),
        (_("Dates"), {"fields": ("date_joined", "last_login", "closed_at")}),
    )
    add_fieldsets = (
        (None, {"fields": ("username", "user_type", "email", "phone_number", "password1", "password2")}),
        (_("An assistant's papers"), {"fields": NewAccountForm.PAPERS, "description": _("Needed for assistants only.")}),
    )

    @admin.display(description=_("name"), ordering="name")
    def shown_name(self, user: User) -> str:
        """Show the name as others see it."""
        return user.display_name

    @admin.display(description=_("suspended"))
    def suspended(self, user: User) -> str:
        """Name the addresses that a reset has suspended: they name the account at sign-in and do nothing else."""
        held = (user.email if user.email_suspended else None, user.phone_number if user.phone_suspended else None)
        return listed(address for address in held if address) or "–"

    @admin.display(description=_("password"))
    def new_password(self, user: User) -> str:
        """Link to the form for a new password."""
        return format_html('<a href="{}">{}</a>', "../password/", _("Set a new password")) if user.pk else ""

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Show boxes to tick, named in the language of the page."""
        field = super().formfield_for_manytomany(db_field, request, **{**kwargs, "widget": CheckboxSelectMultiple})
        if field is not None and db_field.name == "groups":
            field.label_from_instance = lambda group: gettext(group.name)
        return field

    def get_readonly_fields(self, request: HttpRequest, obj: User | None = None) -> Any:
        if obj is None:
            return ()
        return self.readonly_fields if request.user.is_superuser else (*self.readonly_fields, *RIGHTS)

    def has_change_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        if obj is not None and (obj.closed_at or (obj.is_superuser and not request.user.is_superuser)):
            return False
        return super().has_change_permission(request, obj)

    def has_delete_permission(self, request: HttpRequest, obj: User | None = None) -> bool:
        """Accounts are closed, never deleted: past jobs keep pointing at them."""
        return False

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> User | None:
        """Return the account with who is about to change it, for the form that sets a password."""
        found = super().get_object(request, object_id, from_field)
        if found is not None:
            found.changed_by = request.user
        return found

    def save_model(self, request: HttpRequest, obj: User, form: ModelForm, change: bool) -> None:
        if not change:
            services.open_account(actor=request.user, user=obj, details=form.details())  # type: ignore[attr-defined]
            return
        names = set(form.changed_data)
        person = {"name", "first_name", "last_name", "address", "email", "phone_number"} & names
        try:
            services.change_profile(actor=request.user, user=obj, **{name: form.cleaned_data[name] for name in person})
        except DomainError as error:
            self.message_user(request, error.for_page(), messages.ERROR)
        plain = (set(RIGHTS) & names) - {"groups", "user_permissions"}
        if plain:
            obj.save(update_fields=sorted(plain))
        audit.record("account_changed", actor=request.user, target=obj, fields=sorted(names))

    def save_related(self, request: HttpRequest, form: ModelForm, formsets: Any, change: bool) -> None:
        super().save_related(request, form, formsets, change)
        if change and {"groups", "is_superuser"} & set(form.changed_data):
            events.rights_changed(form.instance.pk)


class _OfCompanyAdmin(TenantAdmin):
    """Rows that members of their company change and viewers read."""

    def company_id(self, obj: Any) -> int:
        """Return whose row it is."""
        return obj.company_id

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        allowed = super().has_change_permission(request, obj)
        return allowed and (obj is None or may_edit(request.user, self.company_id(obj)))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_change_permission(request, obj)


@admin.register(Company)
class CompanyAdmin(_OfCompanyAdmin):
    """One's own companies; operators see all."""

    list_display = ("name", "phone", "email", "created_at")
    search_fields = ("name", "phone", "email")
    ordering = ("-created_at", "-id")
    readonly_fields = ("created_at", "updated_at")
    actions = None
    fieldsets = (
        (None, {"fields": ("name", "address", ("phone", "email"))}),
        (
            _("Depot"),
            {
                "fields": ("depot_name", "depot_address", ("depot_latitude", "depot_longitude")),
                "description": _("Where the company's goods wait: the pickup of rows of an order sheet that give only a delivery."),
            },
        ),
        (_("Times"), {"fields": (("created_at", "updated_at"),)}),
    )

    def changelist_view(self, request: HttpRequest, extra_context: dict | None = None) -> HttpResponse:
        if request.method == "GET" and request.user.is_operator and not Company.objects.exists():
            hint = _("There is no company yet. Add one here, or let a dispatcher register with the name of theirs.")
            self.message_user(request, hint)
        return super().changelist_view(request, extra_context)

    def company_id(self, obj: Company) -> int:
        return obj.pk

    def save_model(self, request: HttpRequest, obj: Company, form: ModelForm, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        opened = services.open_company(actor=request.user, **form.cleaned_data)
        obj.pk, obj.created_at, obj.updated_at = opened.pk, opened.created_at, opened.updated_at
        obj._state.adding = False

    def has_delete_permission(self, request: HttpRequest, obj: Company | None = None) -> bool:
        return super().has_delete_permission(request, obj) and (obj is None or may_own(request.user, obj.pk))

    def delete_model(self, request: HttpRequest, obj: Company) -> None:
        services.delete_company(actor=request.user, company=obj)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: dict | None = None) -> HttpResponse:
        try:
            return super().delete_view(request, object_id, extra_context)
        except DomainError as error:
            self.message_user(request, error.for_page(), messages.ERROR)
            return self._response_post_save(request, self.get_object(request, object_id))


@admin.register(Membership)
class MembershipAdmin(ServiceAdmin, _OfCompanyAdmin):
    """Who works for one's companies: owners give roles and remove; others are invited on the company's page.

    Only operators add somebody without asking.
    """

    form = MembershipForm
    list_display = ("user", "company", "shown_role", "created_at")
    list_filter = ("is_owner", "role")
    list_select_related = ("user", "company")
    search_fields = ("user__username", "company__name")
    ordering = ("-created_at", "-id")
    actions = None

    @admin.display(description=_("role"), ordering="role")
    def shown_role(self, membership: Membership) -> str:
        """Show the role as it is given."""
        return Membership.Role(membership.full_role).label

    def get_readonly_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        if obj is None:
            return ("created_at",)
        return ("user", "company", *(() if self.has_change_permission(request, obj) else ("shown_role",)), "created_at")

    def get_fields(self, request: HttpRequest, obj: Membership | None = None) -> Any:
        may_change = obj is None or self.has_change_permission(request, obj)
        return ("user", "company", "given_role" if may_change else "shown_role", "created_at")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return bool(super().has_add_permission(request) and request.user.is_operator)

    def has_change_permission(self, request: HttpRequest, obj: Membership | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or may_own(request.user, obj.company_id))

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        if db_field.name == "user":
            kwargs["queryset"] = User.objects.active().filter(user_type=User.Type.DISPATCHER).visible_to(request.user)
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def save_model(self, request: HttpRequest, obj: Membership, form: MembershipForm, change: bool) -> None:
        role = form.cleaned_data["given_role"]
        if change:
            services.change_role(actor=request.user, company=obj.company, user_id=obj.user_id, role=role)
        else:
            made = services.add_member(actor=request.user, company=obj.company, person={"username": obj.user.username}, role=role)
            obj.pk, obj._state.adding = made.pk, False

    def delete_model(self, request: HttpRequest, obj: Membership) -> None:
        services.remove_member(actor=request.user, company=obj.company, user_id=obj.user_id)
