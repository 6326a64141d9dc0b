"""Paths of this app, below `/api/`, each with and without its trailing slash."""

from django.urls import re_path

from assistance import profile_views, views

ID = r"(?P<assistance_id>[0-9]{1,19})"

urlpatterns = [
    re_path(r"^assistance/request/?$", views.RequestView.as_view()),
    re_path(r"^assistance/view/?$", views.ListView.as_view()),
    re_path(rf"^assistance/view/{ID}/?$", views.DetailView.as_view()),
    re_path(rf"^assistance/assign/{ID}/?$", views.AssignView.as_view()),
    re_path(r"^assistance/scheduled/?$", views.ScheduledListView.as_view()),
    re_path(rf"^assistance/scheduled/{ID}/?$", views.ScheduledView.as_view()),
    re_path(rf"^assistance/accept/{ID}/?$", views.AcceptView.as_view()),
    re_path(rf"^assistance/decline/{ID}/?$", views.DeclineView.as_view()),
    re_path(rf"^assistance/release/{ID}/?$", views.ReleaseView.as_view()),
    re_path(rf"^assistance/update/{ID}/?$", views.UpdateView.as_view()),
    re_path(rf"^assistance/update/status/{ID}/?$", views.UpdateView.as_view()),
    re_path(rf"^assistance/update/end/{ID}/?$", views.EndView.as_view()),
    re_path(rf"^assistance/update/price/{ID}/?$", views.PriceView.as_view()),
    re_path(rf"^assistance/update/rating/{ID}/?$", views.RateView.as_view()),
    re_path(rf"^assistance/price/{ID}/?$", views.ConsentView.as_view()),
    re_path(rf"^assistance/rate/{ID}/?$", views.RateView.as_view()),
    re_path(rf"^assistance/{ID}/messages/?$", views.MessagesView.as_view()),
    re_path(r"^profile/user/?$", profile_views.UserProfileView.as_view()),
    re_path(r"^profile/assistant/?$", profile_views.AssistantProfileView.as_view()),
    re_path(r"^profile/photo/?$", profile_views.PhotoView.as_view()),
    re_path(r"^profile/update-location/?$", profile_views.LocationView.as_view()),
    re_path(r"^profile/assistant-status/?$", profile_views.DutyView.as_view()),
    re_path(r"^profile/update-status/?$", profile_views.DutyView.as_view()),
    re_path(r"^assistants/?$", profile_views.AssistantsView.as_view()),
]
