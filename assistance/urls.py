"""Paths of this app, below `/api/`, each with and without its trailing slash."""

from django.urls import re_path
from rest_framework.routers import DynamicRoute, Route

from assistance import profile_viewsets, viewsets
from depannini_dashmap.lib.api.routers import SlashlessRouter


class RequestRouter(SlashlessRouter):
    """Routes requests as the documents do: the verb stands before the id, `accept/7/`."""

    routes = [
        Route(r"^{prefix}/request{trailing_slash}$", {"post": "create"}, "{basename}-create", False, {}),
        Route(r"^{prefix}/view{trailing_slash}$", {"get": "list"}, "{basename}-list", False, {}),
        Route(r"^{prefix}/view/{lookup}{trailing_slash}$", {"get": "retrieve"}, "{basename}-detail", True, {}),
        DynamicRoute(r"^{prefix}/{url_path}/{lookup}{trailing_slash}$", "{basename}-{url_name}", True, {}),
    ]


requests = RequestRouter()
requests.register("assistance", viewsets.RequestViewSet, basename="assistance")
router = SlashlessRouter()
router.register("assistance/scheduled", viewsets.ScheduledViewSet, basename="scheduled")
router.register(rf"assistance/(?P<assistance_id>{viewsets.ID})/messages", viewsets.MessageViewSet, basename="message")
router.register(rf"assistance/(?P<assistance_id>{viewsets.ID})/photos", viewsets.RequestPhotoViewSet, basename="request-photo")
router.register("assistants", profile_viewsets.AssistantViewSet, basename="assistant")

WHOLE = {"get": "retrieve", "put": "update", "patch": "partial_update"}
EITHER = {"post": "update", "put": "update"}  # older applications send the other one

urlpatterns = [
    *requests.urls,
    *router.urls,
    re_path(r"^profile/user/?$", profile_viewsets.UserProfileViewSet.as_view({**WHOLE, "delete": "destroy"})),
    re_path(r"^profile/assistant/?$", profile_viewsets.AssistantProfileViewSet.as_view(WHOLE)),
    re_path(r"^profile/photo/?$", profile_viewsets.PhotoViewSet.as_view({"post": "create", "delete": "destroy"})),
    re_path(r"^profile/update-location/?$", profile_viewsets.LocationViewSet.as_view(EITHER)),
    re_path(r"^profile/assistant-status/?$", profile_viewsets.DutyViewSet.as_view(EITHER)),
    re_path(r"^profile/update-status/?$", profile_viewsets.DutyViewSet.as_view(EITHER)),
]
