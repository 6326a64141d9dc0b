"""The status document, liveness and readiness, and the answers outside of any view."""

import gzip
import posixpath
import sys
from typing import Any, ClassVar

from django.conf import settings
from django.core.exceptions import DisallowedHost, RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.template.loader import render_to_string
from django.utils import translation
from django.views.decorators.cache import never_cache
from django.views.defaults import page_not_found, permission_denied, server_error
from django.views.static import serve
from drf_spectacular.utils import extend_schema
from drf_spectacular.views import SpectacularAPIView

from accounts import image_reencoding
from depannini_dashmap.lib import errors
from depannini_dashmap.lib.api.exception_handler import error_response
from depannini_dashmap.lib.api.middleware import is_page
from depannini_dashmap.lib.api.plain_views import safe_methods_only
from depannini_dashmap.lib.db import readiness
from depannini_dashmap.lib.roads import tiles
from depannini_dashmap.operations import doctor_proxies
from depannini_dashmap.server import shutdown


@safe_methods_only
def status_document(request: HttpRequest) -> JsonResponse:
    """GET `/` and `/api/`: say that the API is here."""
    return JsonResponse({"status": "ok", "message": "Welcome to Dashmap!"})


@never_cache
@safe_methods_only
def healthz(request: HttpRequest) -> JsonResponse:
    """Say that the process lives; touches nothing else."""
    return JsonResponse({"status": "ok"})


@never_cache
@safe_methods_only
def readyz(request: HttpRequest) -> JsonResponse:
    """Return whether this process should get requests: 503 while stopping, without its database or its tables."""
    if shutdown.is_stopping():
        return error_response(errors.Unavailable("Stopping", code="stopping"))
    if not readiness.database_answers():
        return error_response(errors.Unavailable(code="database_unavailable"))
    if not readiness.is_migrated():
        return error_response(errors.Unavailable("Migrations are missing: run migrate", code="migrations_missing"))
    arrival = doctor_proxies.answer(request)
    return JsonResponse({"status": "ok", "database": "ok"} | ({"arrival": arrival} if arrival else {}))


@safe_methods_only
def media(request: HttpRequest, path: str) -> HttpResponse:
    """Serve a photo of the public folder. They have random names and were re-encoded; nosniff comes from SecurityMiddleware."""
    if not posixpath.normpath(path).lstrip("/").startswith(f"{image_reencoding.PUBLIC}/"):
        raise Http404
    try:
        return serve(request, path, document_root=settings.MEDIA_ROOT)
    except (OSError, ValueError) as error:  # a name that no file system takes
        raise Http404 from error


@safe_methods_only
def street_tile(request: HttpRequest, build: str, z: int, x: int, y: int) -> HttpResponse:
    """GET `/streets/<build>/<z>/<x>/<y>.mvt`: one tile of the street map, for ever the same under its address; 204 where it is empty."""
    tile = tiles.read_tile(build, z, x, y) if z <= 22 and x < 1 << z and y < 1 << z else b""
    if tile is None:
        raise Http404
    answer = HttpResponse(tile, content_type="application/vnd.mapbox-vector-tile", status=200 if tile else 204)
    answer["Cache-Control"] = "public, max-age=31536000, immutable"
    if tile and "gzip" in request.headers.get("Accept-Encoding", ""):
        answer["Content-Encoding"] = "gzip"
    elif tile:
        answer.content = gzip.decompress(tile)
    answer["Vary"] = "Accept-Encoding"
    return answer


class SchemaView(SpectacularAPIView):
    """GET `/api/schema/`: there is one version, in English, for any `?version=` and `?lang=`.

    Each process makes it once in each format: that takes seconds of processor time, and anybody may ask.
    """

    _kept: ClassVar[dict[str, tuple[bytes, str]]] = {}

    @extend_schema(exclude=True)
    def get(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponse:
        """Return the document in the format that was negotiated."""
        renderer = request.accepted_renderer
        if renderer.media_type not in self._kept:
            with translation.override("en"):
                made = self._get_schema_response(request)
            self._kept[renderer.media_type] = renderer.render(made.data, renderer_context=self.get_renderer_context()), made["Content-Disposition"]
        body, disposition = self._kept[renderer.media_type]
        kind = f"{renderer.media_type}; charset=utf-8"
        return HttpResponse(body, content_type=kind, headers={"Content-Disposition": disposition})

    def _get_version_parameter(self, request: Any) -> None:
        return None


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer what Django itself refuses: bad hosts, suspicious requests, bodies over the limit."""
    if isinstance(exception, RequestDataTooBig):
        return error_response(errors.BodyTooLarge())
    if is_page(request.path_info) and not isinstance(exception, DisallowedHost):
        return HttpResponse(render_to_string("400.html", request=request), status=400)
    return error_response(errors.InvalidData("Bad request", code="bad_request"))


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer an unknown path."""
    if is_page(request.path_info):
        return page_not_found(request, exception)
    return error_response(errors.NotFound())


def forbidden(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Answer a refusal outside of any API view."""
    if is_page(request.path_info):
        return permission_denied(request, exception)
    return error_response(errors.Forbidden())


def failed(request: HttpRequest) -> HttpResponse:
    """Answer a bug with 500, an absent database with 503; never with the exception's text."""
    if isinstance(sys.exc_info()[1], OperationalError | InterfaceError):
        return _without_database(request)
    if is_page(request.path_info):
        return server_error(request)
    error = errors.DomainError("Internal server error", code="internal_error")
    error.status = 500
    return error_response(error)


def _without_database(request: HttpRequest) -> HttpResponse:
    error = errors.Unavailable(code="database_unavailable")
    if not is_page(request.path_info):
        return error_response(error)
    # A form that was being sent must not be sent again by the page's own reload: only what was read is.
    page = {"reloads": request.method in ("GET", "HEAD")}
    return HttpResponse(
        render_to_string("503.html", page), status=error.status, headers={"Retry-After": str(error.retry_after)}
    )
