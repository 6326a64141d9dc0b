"""`/duty/`: the page with which an assistant works without an app; forms in, pages out, the rules are the API's services.

Forms work without JavaScript. With it they go through `static/pages/outbox.js`, which sends them once there is reception.
"""

from __future__ import annotations

import json
import secrets
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, JsonResponse
from django.template.loader import render_to_string
from django.templatetags.static import static
from django.utils.decorators import method_decorator
from django.utils.translation import get_language, get_language_bidi
from django.utils.translation import gettext_lazy as _
from django.views import View
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.i18n import set_language

from accounts import console_sessions, path_scoped_sessions
from accounts.fields import LONGEST_PASSWORD
from accounts.limits import message_budget
from accounts.limits.throttles import LocationThrottle, SignedInThrottle
from accounts.models import User
from accounts.path_scoped_sessions import own_session
from accounts.phones import NotAPhoneNumber, normalise_phone
from accounts.private_images import picture_response
from accounts.push_subscription_form import read_subscription
from accounts.services import (
    check_password,
    confirm_reset,
    register_push_device,
    request_reset,
    request_sign_in,
    sign_in_by_code,
)
from accounts.steps.addresses import PHONE
from accounts.viewsets.access import GuessesCounted
from assistance import services
from assistance.duty_actions import act, read_form, read_id, read_place
from assistance.duty_reading import read_page
from assistance.duty_refusals import in_words
from assistance.models import RequestPhoto
from assistance.steps import photos
from depannini_dashmap.lib.api import page_forms
from depannini_dashmap.lib.api.service_worker import FORGET, KEEP, OFFLINE
from depannini_dashmap.lib.db.secret_links import new_token
from depannini_dashmap.lib.errors import DomainError, Forbidden, InvalidData, TooManyRequests, Unauthenticated
from depannini_dashmap.lib.outbound import web_push
from depannini_dashmap.lib.text import plain_code

PATH = "/duty"
COOKIE = "duty_session"
_HEADERS = {"Referrer-Policy": "same-origin", "X-Robots-Tag": "noindex, nofollow", "Cache-Control": "no-store"}
_LONGEST_PHONE, _LONGEST_CODE, _LONGEST_KEY = 40, 40, 64


@method_decorator(own_session(COOKIE, PATH), name="dispatch")
class DutyPageView(View):
    """The base of the views below `/duty/`: the page's own session, and headers that keep it private."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        answer = super().dispatch(request, *args, **kwargs)
        for name, value in _HEADERS.items():
            answer.setdefault(name, value)
        return answer

    def assistant(self) -> User:
        """Return who is signed in here. Raises: Unauthenticated."""
        user = self.request.user
        if not isinstance(user, User) or user.user_type != User.Type.ASSISTANT:
            raise Unauthenticated(_("Sign in again"))
        return user

    def page(self, user: User, error: str = "", status: int = 200) -> HttpResponse:
        """Show duty, offers, job and day."""
        shown = {"user": user, "error": error, "push_key": web_push.public_key(), "form_key": secrets.token_urlsafe(12), "owner": outbox_owner(user), **read_page(user)}
        return self._rendered("assistance/duty.html", shown, status, KEEP)

    def sign_in_page(self, error: str = "", status: int = 200, phone: str = "") -> HttpResponse:
        """Show the form by which an assistant signs in."""
        return self._rendered("assistance/duty_sign_in.html", {"error": error, "phone": phone}, status, FORGET)

    def _rendered(self, template: str, shown: dict[str, Any], status: int, offline: str) -> HttpResponse:
        html = render_to_string(template, {**shown, "home": f"{PATH}/"}, self.request)
        return HttpResponse(html, status=status, headers={OFFLINE: offline} if status == 200 else None)


@method_decorator(ensure_csrf_cookie, name="get")
class DutyView(DutyPageView):
    """`/duty/`. GET shows the page, or the form to sign in. POST `action` (see `duty_actions`) with `job`, `price`, `message`, `photos`, `key`."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Show the page; without its slash, which the service worker needs, lead to it."""
        if not request.path.endswith("/"):
            return HttpResponseRedirect(f"{PATH}/")
        try:
            return self.page(self.assistant())
        except Unauthenticated:
            return self.sign_in_page()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Do what the form asks for, once for each key."""
        is_outbox = page_forms.wants_json(request)
        try:
            user = self._owner(self.assistant())
            SignedInThrottle.quota.spend(user.pk)
        except DomainError as error:
            return page_forms.refusal(error, error.for_page()) if is_outbox else self.sign_in_page(error.for_page(), error.status)
        answer = self._act(request, user)
        if is_outbox:
            return answer
        told = page_forms.read_answer(answer)
        if told["outcome"] == page_forms.DONE:
            return HttpResponseRedirect(f"{PATH}/", status=303)
        return self.page(user, told["text"], answer.status_code)

    def _owner(self, user: User) -> User:
        """Return who is signed in. Raises: Unauthenticated where the tap is of somebody else, who was signed in on this phone before."""
        if self.request.headers.get(page_forms.OWNER_HEADER, outbox_owner(user)) != outbox_owner(user):
            raise Unauthenticated(_("Sign in again"))
        return user

    @staticmethod
    def _act(request: HttpRequest, user: User) -> HttpResponse:
        key = request.headers.get("Idempotency-Key") or request.POST.get(page_forms.KEY_FIELD, "")
        form, tapped_at = read_form(request.POST, key, request.FILES.getlist(photos.FIELD)), page_forms.tapped_at(request)
        return page_forms.answer_once(
            request,
            user.pk,
            lambda: act(user, request.POST.get("action", ""), form, tapped_at),
            lambda error: in_words(error, user, read_id(request.POST.get("job", ""))),
        )


class PhotoView(DutyPageView):
    """GET `/duty/photos/<id>/`: a photo of a job that the assistant is on, or that ended within a day. 200; 401; 404."""

    def get(self, request: HttpRequest, photo_id: int) -> HttpResponse:
        """Show the photo."""
        try:
            found = RequestPhoto.objects.visible_to(self.assistant()).filter(pk=photo_id).first()
            return picture_response(found.photo if found else "")
        except DomainError as error:
            return page_forms.refusal(error, error.for_page())


class SignInView(DutyPageView):
    """POST `/duty/sign-in/` {phone, password}: an assistant signs in on this page, and nowhere else. 303; 401; 403; 429."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Lead to the form: a page that was refused here may be loaded again."""
        return HttpResponseRedirect(f"{PATH}/")

    def post(self, request: HttpRequest) -> HttpResponse:
        """Check the password and begin the page's session."""
        phone = _phone(request)
        try:
            password = _password(request)
            found = User.objects.filter(phone_number=phone).first()
            user = _required_assistant(check_password(actor=None, request=request, user=found, identifier=phone, password=password))
        except DomainError as error:
            sentence = _("The phone number or the password is wrong") if error.status == Unauthenticated.status else error.for_page()
            answer = self.sign_in_page(str(sentence), error.status, request.POST.get("phone", "")[:_LONGEST_PHONE])
            if (retry_after := getattr(error, "retry_after", None)) is not None:
                answer["Retry-After"] = str(retry_after)
            return answer
        path_scoped_sessions.begin(request, user, by="duty page")
        return HttpResponseRedirect(f"{PATH}/", status=303)


class SignInCodeView(DutyPageView):
    """`/duty/sign-in/code/`: signing in without the password. POST {phone, key} has a code sent; with {code} it signs in. 200; 303; 400; 429."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Ask for the phone number."""
        return self._page(new_token())

    def post(self, request: HttpRequest) -> HttpResponse:
        """Have a code sent, the same whether or not there is such an assistant; or begin the session by one."""
        phone, code = _phone(request), plain_code(request.POST.get("code", "")[:_LONGEST_CODE])
        key = request.POST.get("key", "")[:_LONGEST_KEY] or new_token()
        try:
            if not code:
                message_budget.require_room()
                request_sign_in(actor=None, form_key=key, phone_number=phone)
                return self._page(key, phone)
            with GuessesCounted(request):
                user = sign_in_by_code(actor=None, form_key=key, phone_number=phone, code=code)
        except DomainError as error:
            return self._page(key, phone, error)
        path_scoped_sessions.begin(request, user, by="duty page, by code alone")
        return HttpResponseRedirect(f"{PATH}/", status=303)

    def _page(self, key: str, phone: str = "", error: DomainError | None = None) -> HttpResponse:
        shown = {"key": key, "phone": phone, "error": error.for_page() if error else ""}
        answer = self._rendered("assistance/duty_sign_in_code.html", shown, error.status if error else 200, FORGET)
        if isinstance(error, TooManyRequests):
            answer["Retry-After"] = str(error.retry_after)
        return answer


class CodeView(DutyPageView):
    """`/duty/code/`: for who forgot the password. POST {phone} has a code sent; {phone, code, password} sets a new one and signs in."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Ask for the phone number."""
        return self._page()

    def post(self, request: HttpRequest) -> HttpResponse:
        """Have a code sent, the same whether or not there is such an account; or take one with a new password."""
        phone, code = _phone(request), plain_code(request.POST.get("code", "")[:_LONGEST_CODE])
        try:
            if not code:
                message_budget.require_room()
                request_reset(actor=None, channel=PHONE, address=phone)
                return self._page(phone)
            password = _password(request)
            with GuessesCounted(request):
                confirm_reset(actor=None, channel=PHONE, address=phone, code=code, new_password=password)
            user = _required_assistant(User.objects.active().filter(phone_number=phone).first())
        except DomainError as error:
            return self._page(phone, error.for_page(), error.status)
        path_scoped_sessions.begin(request, user, by="duty page, by code")
        return HttpResponseRedirect(f"{PATH}/", status=303)

    def _page(self, phone: str = "", error: str = "", status: int = 200) -> HttpResponse:
        return self._rendered("assistance/duty_code.html", {"phone": phone, "error": error}, status, FORGET)


class SignOutView(DutyPageView):
    """POST `/duty/sign-out/`: the page's session and its sockets end; duty stays as it is. 303."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """End the session."""
        path_scoped_sessions.end(request)
        return HttpResponseRedirect(f"{PATH}/", status=303)


class LanguageView(DutyPageView):
    """POST `/duty/language/` {language, next}: the language of the pages in this browser. 302."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Keep the language in a cookie."""
        return set_language(request)


class SocketTokenView(DutyPageView):
    """POST `/duty/socket-token/`: a short-lived token for sockets alone, which ends with the session. 200; 401."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Give the token."""
        try:
            self.assistant()
        except Unauthenticated as error:
            return page_forms.refusal(error, error.for_page())
        return JsonResponse({"token": console_sessions.socket_token(request)})


class PlaceView(DutyPageView):
    """POST `/duty/place/` {lat, lng}: where the phone is, as over the API. 200; 400; 401; 429."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Take the place."""
        try:
            user = self.assistant()
            LocationThrottle.quota.spend(user.pk)
            lat, lng = read_place(request.POST)
            services.report_location(actor=user, lat=lat, lng=lng)
        except DomainError as error:
            return page_forms.refusal(error, error.for_page())
        return page_forms.said(page_forms.DONE)


class PushView(DutyPageView):
    """POST `/duty/push/` {endpoint, p256dh, auth}: notifications in this browser until the session ends. 200; 400; 401; 503."""

    def post(self, request: HttpRequest) -> HttpResponse:
        """Register the browser."""
        try:
            user = self.assistant()
            SignedInThrottle.quota.spend(user.pk)
            address = read_subscription(request.POST)
            language = get_language() or settings.LANGUAGE_CODE
            register_push_device(actor=user, session=console_sessions.session_name(request), address=address, language=language)
        except DomainError as error:
            return page_forms.refusal(error, error.for_page())
        return page_forms.said(page_forms.DONE)


class ManifestView(View):
    """GET `/duty/manifest.webmanifest`: what a phone needs to put the page among its apps. 200. Who: anybody."""

    def get(self, request: HttpRequest) -> HttpResponse:
        """Give the manifest in the language of the page."""
        icons = [{"src": static(f"pages/icon-{size}.png"), "sizes": f"{size}x{size}", "type": "image/png", "purpose": "any maskable"} for size in (192, 512)]
        manifest = {
            "id": f"{PATH}/", "start_url": f"{PATH}/", "scope": f"{PATH}/", "display": "standalone", "icons": icons,
            "name": str(_("Your duty")), "short_name": str(_("Duty")), "lang": get_language(), "dir": "rtl" if get_language_bidi() else "ltr",
            "background_color": "#f4f6f7", "theme_color": "#0f4259",
        }  # fmt: skip
        return HttpResponse(json.dumps(manifest, ensure_ascii=False), content_type="application/manifest+json")


def outbox_owner(user: User) -> str:
    """Return the name under which a phone keeps the taps of an assistant."""
    return f"assistant {user.pk}"


def _phone(request: HttpRequest) -> str:
    """Return the number that was typed as accounts hold it, as it was typed where it is none."""
    typed = request.POST.get("phone", "")[:_LONGEST_PHONE]
    try:
        return normalise_phone(typed)
    except NotAPhoneNumber:
        return typed


def _password(request: HttpRequest) -> str:
    """Return the password that was typed. Raises: InvalidData for one that the API would not read either; hashing is not cheap."""
    password = request.POST.get("password", "")
    if len(password) > LONGEST_PASSWORD:
        raise InvalidData(_("A password has at most 256 characters."))
    return password


def _required_assistant(user: User | None) -> User:
    """Let an assistant pass. Raises: Forbidden for others."""
    if user is None or user.user_type != User.Type.ASSISTANT:
        raise Forbidden(_("This page is for assistants"))
    return user
