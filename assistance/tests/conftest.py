"""Assistants on duty, requests in every state, and the frames that left."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from assistance import services
from assistance.models import Assistance
from depannini_dashmap.lib.realtime import layer

PICKUP = (36.7525, 3.0420)
AWAY = (36.7000, 3.1000)


@pytest.fixture
def duty() -> Callable[..., Any]:
    """Put an assistant on duty at a place: `duty(user)`, `duty(user, lat, lng)`."""

    def start(user: Any, lat: float = 36.7538, lng: float = 3.0588) -> Any:
        services.set_duty(actor=user, is_active=True)
        services.report_location(actor=user, lat=lat, lng=lng)
        return user

    return start


@pytest.fixture
def ask() -> Callable[..., Assistance]:
    """Open a request: `ask(client, assistance_type="repair")`."""

    def request(client: Any, **arguments: Any) -> Assistance:
        arguments.setdefault("pickup", PICKUP)
        requested = services.request_assistance(actor=client, **arguments)
        return Assistance.objects.get(pk=requested.job.pk)

    return request


@pytest.fixture
def job_in(ask: Any, duty: Any) -> Callable[..., Assistance]:
    """Return a request brought to a state by its services: `job_in("ongoing", client, assistant)`."""

    def bring(status: str, client: Any, assistant: Any, **arguments: Any) -> Assistance:
        duty(assistant)
        job = ask(client, **arguments)
        if status == "canceled":
            services.update_status(actor=client, assistance_id=job.pk, status="canceled")
        elif status != "requested":
            services.accept(actor=assistant, assistance_id=job.pk)
            for step in {"accepted": [], "ongoing": ["ongoing"], "completed": ["ongoing", "completed"]}[status]:
                services.update_status(actor=assistant, assistance_id=job.pk, status=step)
        job.refresh_from_db()
        assert job.status == status
        return job

    return bring


@pytest.fixture
def frames(django_capture_on_commit_callbacks: Any) -> Callable[..., Any]:
    """Collect the frames published inside a block, as after a commit: `with frames() as published: …`."""
    from contextlib import contextmanager

    @contextmanager
    def listen() -> Iterator[list[tuple[str, dict]]]:
        with layer.captured("assist") as heard, django_capture_on_commit_callbacks(execute=True):
            yield heard

    return listen


@pytest.fixture
def make_assistant(db: None) -> Callable[..., Any]:
    """Make more assistants, on duty at a place: `make_assistant(3, lat, lng, service_type="repair")`."""
    from datetime import date, timedelta

    from accounts.models import User

    def make(
        number: int, lat: float = 36.7538, lng: float = 3.0588, service_type: str = "towing", **profile: Any
    ) -> Any:
        phone = f"+2135551{number:05}"
        user = User.objects.create_user(
            phone, None, None, name=f"Assistant {number}", phone_number=phone, user_type="assistant"
        )
        created = services.register_assistant(
            actor=user,
            details={
                "service_type": service_type,
                "vehicle_type": "truck",
                "driving_license_cat": "c",
                "driving_license_num": f"16/{number}",
                "driving_license_expiry": date.today() + timedelta(days=900),
                "vehicle_registration_num": 100000000000 + number,
                "current_lat": lat,
                "current_lng": lng,
            },
        )
        profile.setdefault("is_active", True)
        for name, value in profile.items():
            setattr(created, name, value)
        created.save()
        return user

    return make
