"""Every path of the project; API paths work with and without their trailing slash."""

from django.contrib import admin
from django.urls import include, path, re_path
from django.views.generic import RedirectView
from drf_spectacular.views import SpectacularSwaggerSplitView

from accounts import invitation_page
from assistance import help_page, motorist_page
from assistance.duty_page import DutyView
from depannini_dashmap import views
from depannini_dashmap.console import password_reset
from depannini_dashmap.lib.api.service_worker import ServiceWorkerView
from depannini_dashmap.operations import metrics_page
from depannini_dashmap.operations.socket_docs import socket_docs
from trips import customer_page, driver_page

urlpatterns = [
    path("", views.status_document),
    re_path(r"^api/?$", views.status_document),
    re_path(r"^healthz/?$", views.healthz),
    re_path(r"^readyz/?$", views.readyz),
    re_path(r"^metrics/?$", metrics_page.metrics),
    # The patterns are tried in turn, so what is asked most often comes first.
    path("api/", include("accounts.push_urls")),
    path("api/", include("telematics.urls")),
    path("api/", include("orders.urls")),
    path("api/", include("assistance.urls")),
    path("api/", include("accounts.urls")),
    path("api/", include("fleet.urls")),
    path("api/", include("trips.urls")),
    path("api/", include("payments.urls")),
    re_path(r"^api/schema/?$", views.SchemaView.as_view(), name="schema"),
    re_path(r"^api/docs/sockets/?$", socket_docs, name="socket_docs"),
    re_path(r"^api/docs/?$", SpectacularSwaggerSplitView.as_view(url_name="schema"), name="docs"),
    re_path(r"^duty/?$", DutyView.as_view(), name="duty"),
    path("duty/", include("assistance.duty_urls")),
    re_path(r"^admin$", RedirectView.as_view(pattern_name="admin:index")),
    path("admin/password_reset/", password_reset.reset_password, name="admin_password_reset"),
    path("admin/", admin.site.urls),
    path("t/worker.js", ServiceWorkerView.as_view(scripts=("pages/driver.js",)), name="driver-worker"),
    re_path(r"^t/(?P<token>[^/]+)/?$", driver_page.driver_page, name="driver-page"),
    re_path(r"^t/(?P<token>[^/]+)/ticket/?$", driver_page.driver_ticket, name="driver-ticket"),
    re_path(r"^help/?$", help_page.help_page, name="help-page"),
    re_path(r"^help/places/?$", help_page.help_places, name="help-places"),
    path("h/worker.js", ServiceWorkerView.as_view(scripts=motorist_page.SCRIPTS), name="motorist-worker"),
    re_path(r"^h/(?P<token>[^/]+)/?$", motorist_page.motorist_page, name="motorist-page"),
    re_path(r"^h/(?P<token>[^/]+)/state/?$", motorist_page.motorist_state, name="motorist-state"),
    re_path(r"^h/(?P<token>[^/]+)/ticket/?$", motorist_page.motorist_ticket, name="motorist-ticket"),
    re_path(r"^h/(?P<token>[^/]+)/photos/(?P<photo_id>[0-9]{1,18})/?$", motorist_page.motorist_photo, name="motorist-photo"),
    re_path(r"^h/(?P<token>[^/]+)/push/?$", motorist_page.motorist_push, name="motorist-push"),
    re_path(r"^h/(?P<token>[^/]+)/receipt/?$", motorist_page.motorist_receipt, name="motorist-receipt"),
    re_path(r"^h/(?P<token>[^/]+)/receipt\.pdf$", motorist_page.motorist_receipt_pdf, name="motorist-receipt-pdf"),
    re_path(r"^i/(?P<token>[^/]+)/?$", invitation_page.invitation_page, name="invitation-page"),
    path("o/worker.js", ServiceWorkerView.as_view(scripts=customer_page.SCRIPTS), name="customer-worker"),
    re_path(r"^o/(?P<token>[^/]+)/?$", customer_page.customer_page, name="customer-page"),
    re_path(r"^o/(?P<token>[^/]+)/state/?$", customer_page.customer_state, name="customer-state"),
    re_path(r"^o/(?P<token>[^/]+)/ticket/?$", customer_page.customer_ticket, name="customer-ticket"),
    re_path(r"^o/(?P<token>[^/]+)/push/?$", customer_page.customer_push, name="customer-push"),
    re_path(r"^o/(?P<token>[^/]+)/proof/(?P<kind>photo|signature)/?$", customer_page.customer_proof, name="customer-proof"),
    path("streets/<str:build>/<int:z>/<int:x>/<int:y>.mvt", views.street_tile, name="street-tile"),
    re_path(r"^media/(?P<path>.*)$", views.media),
]

handler400 = "depannini_dashmap.views.bad_request"
handler403 = "depannini_dashmap.views.forbidden"
handler404 = "depannini_dashmap.views.not_found"
handler500 = "depannini_dashmap.views.failed"
