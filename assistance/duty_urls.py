"""Paths of the assistants' page, below `/duty/`."""

from django.urls import path, re_path

from assistance import duty_page
from depannini_dashmap.lib.api.service_worker import ServiceWorkerView

SCRIPTS = ("pages/duty.js", "pages/duty_sign_in.js")

urlpatterns = [
    path("sign-in/", duty_page.SignInView.as_view(), name="duty-sign-in"),
    path("sign-in/code/", duty_page.SignInCodeView.as_view(), name="duty-sign-in-code"),
    path("code/", duty_page.CodeView.as_view(), name="duty-code"),
    path("sign-out/", duty_page.SignOutView.as_view(), name="duty-sign-out"),
    path("language/", duty_page.LanguageView.as_view(), name="duty-language"),
    path("socket-token/", duty_page.SocketTokenView.as_view(), name="duty-socket-token"),
    path("place/", duty_page.PlaceView.as_view(), name="duty-place"),
    re_path(r"^photos/(?P<photo_id>[0-9]{1,18})/$", duty_page.PhotoView.as_view(), name="duty-photo"),
    path("push/", duty_page.PushView.as_view(), name="duty-push"),
    path("manifest.webmanifest", duty_page.ManifestView.as_view(), name="duty-manifest"),
    path("worker.js", ServiceWorkerView.as_view(scripts=SCRIPTS), name="duty-worker"),
]
