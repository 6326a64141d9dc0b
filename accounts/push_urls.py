"""The path of devices for notifications, below `/api/`: it is asked before `devices/{id}/` of trackers, whose id `push` is none."""

from django.urls import re_path

from accounts.urls import WHOLE
from accounts.viewsets.push_devices import PushDeviceViewSet

urlpatterns = [
    re_path(r"^devices/push/?$", PushDeviceViewSet.as_view({**WHOLE, "post": "create", "delete": "destroy"}), name="push-devices"),
]
