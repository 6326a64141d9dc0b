"""The dispatchers' admin site."""

from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.forms import AdminPasswordChangeForm
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import PasswordChangeView
from django.core.exceptions import BadRequest, ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, reverse
from django.utils.translation import gettext_lazy

from accounts.limits import lockouts
from accounts.models import Invitation, User
from accounts.services import set_password
from depannini_dashmap.console import changelists, first_steps, list_actions
from depannini_dashmap.console.board import views as board_views
from depannini_dashmap.console.urls import console_urls
from depannini_dashmap.lib.errors import TooManyRequests
from depannini_dashmap.lib.ops import audit

# What libraries name in English alone, or without a word of the trade.
_OF_LIBRARIES = {
    "Axes": gettext_lazy("Axes"),
    "Access attempts": gettext_lazy("Access attempts"),
    "Access failures": gettext_lazy("Access failures"),
    "Access logs": gettext_lazy("Access logs"),
    "Tasks Database Backend": gettext_lazy("Tasks Database Backend"),
    "Task Results": gettext_lazy("Task Results"),
}
# Only superusers need these: locks of logins and tasks.
_INSIDES = ("axes", "django_tasks_database")


class DispatchLoginForm(AuthenticationForm):
    """Lets in whom the site is open to; django-axes counts the failures."""

    error_messages = {
        **AuthenticationForm.error_messages,
        "not_here": gettext_lazy("This account belongs to no company: ask one to invite you."),
        "too_many": gettext_lazy("Too many tries"),
    }
    required_css_class = "required"

    def clean_username(self) -> str:
        """Look for no account by a name that none can have."""
        name: str = self.cleaned_data["username"]
        if len(name) > User._meta.get_field("username").max_length:
            raise self.get_invalid_login_error()
        return name

    def confirm_login_allowed(self, user: Any) -> None:
        """Refuse motorists, assistants, people without a company, and the right password after too many wrong ones."""
        super().confirm_login_allowed(user)
        try:
            lockouts.record_attempt(self.request, user.get_username(), is_right=True)
        except TooManyRequests as error:
            self.request.axes_locked_out = True  # the page that says so
            raise ValidationError(self.error_messages["too_many"], code="too_many") from error
        if not may_enter(user):
            raise ValidationError(self.error_messages["not_here"], code="not_here")
        audit.record("signed_in", actor=user, target=user, by="console")  # nothing else stands against the sign-in now


class OwnPasswordForm(AdminPasswordChangeForm):
    """Changes the password as the API does: every token and socket of the person ends."""

    def save(self, commit: bool = True) -> User:
        """Store the new password."""
        set_password(actor=self.user, user=self.user, password=self.cleaned_data["new_password1"])
        self.user.refresh_from_db()
        return self.user


def may_enter(user: Any) -> bool:
    """Return whether the site is open to somebody: `is_staff` alone opens nothing.

    A dispatcher without a company finds the invitations to themselves here, while there are any, and nothing else.
    """
    return bool(user.is_authenticated and user.is_active and (user.works_here or _is_invited(user)))


def _is_invited(user: Any) -> bool:
    return user.user_type == User.Type.DISPATCHER and Invitation.objects.offered_to(user).exists()


class DispatchAdminSite(AdminSite):
    """Open to operators and to members of a company; the board is its first page."""

    site_header = "Depannini DashMap"
    site_title = "Depannini DashMap"
    index_title = gettext_lazy("Dispatch")
    site_url = None
    enable_nav_sidebar = False
    login_form = DispatchLoginForm
    index_template = "console/index.html"

    def has_permission(self, request: HttpRequest) -> bool:
        return may_enter(request.user)

    def register(self, model_or_iterable: Any, admin_class: Any = None, **options: Any) -> None:
        super().register(model_or_iterable, admin_class, **options)
        models = [model_or_iterable] if isinstance(model_or_iterable, type) else model_or_iterable
        for model in models:
            if model in self._registry:
                list_actions.attach(self._registry[model])
                changelists.attach(self._registry[model])

    def autocomplete_view(self, request: HttpRequest) -> HttpResponse:
        """Offer choices for a few typed words."""
        try:
            changelists.require_few_words(request.GET.get("term", ""))
        except ValidationError as error:
            raise BadRequest("The term is too long") from error
        return super().autocomplete_view(request)

    def get_urls(self) -> list[URLPattern]:
        return console_urls(self) + super().get_urls()

    def index(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        if not request.user.works_here:
            return redirect("admin:invitations")
        invited = Invitation.objects.offered_to(request.user).count()
        shown = {"invited": invited, "first_steps": first_steps.steps_for(request.user)}
        return super().index(request, {**board_views.board_context(request), **shown, **(extra_context or {})})

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:
        """Ask for a new password; Django names its own form here, which would leave tokens alive."""
        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse("admin:password_change_done", current_app=self.name),
            template_name="registration/password_change_form.html",
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        request.current_app = self.name  # type: ignore[attr-defined]
        return view(request)

    def get_app_list(self, request: HttpRequest, app_label: str | None = None) -> list[Any]:
        """Return the apps of the index; only superusers see those of libraries."""
        apps = [app for app in super().get_app_list(request, app_label) if app["app_label"] not in _INSIDES or request.user.is_superuser]
        for app in apps:
            app["name"] = _OF_LIBRARIES.get(str(app["name"]), app["name"])
            for model in app["models"]:
                model["name"] = _OF_LIBRARIES.get(str(model["name"]), model["name"])
        return apps
