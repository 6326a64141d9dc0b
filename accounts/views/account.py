"""The console's own-account pages: profile and current company."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import serializers as shapes
from accounts import services
from accounts.models import Company, User
from accounts.permissions import IsDispatcherOrStaff
from accounts.views.api import ApiView, read
from accounts.views.sign_in import company_body
from depannini_dashmap.lib.errors import NotFound


def profile_body(user: User) -> dict[str, Any]:
    """Return an account as the console shows it."""
    claimed = {"pending_email": user.pending_email, "pending_phone_number": user.pending_phone_number}
    return {
        "id": user.pk,
        "username": user.username,
        "email": user.email,
        "first_name": user.first_name,
        "last_name": user.last_name,
        **company_body(user),
        **{name: address for name, address in claimed.items() if address},
    }


class ProfileView(ApiView):
    """GET, PUT, PATCH /api/auth/profile/ — signed-in users, their own account; bodies may be partial. 200; 400; 401."""

    @extend_schema(responses=shapes.ProfileSerializer)
    def get(self, request: Request) -> Response:
        return Response(profile_body(User.objects.get(pk=request.user.pk)))

    @extend_schema(request=shapes.ProfileSerializer, responses=shapes.ProfileSerializer)
    def put(self, request: Request) -> Response:
        data = request.data
        account = User.objects.get(pk=request.user.pk)
        account.token_version = request.user.token_version  # of the session that asks, should it end meanwhile
        if data.get("username") == account.username or account.user_type not in ("dispatcher", "staff"):
            # A console sends the whole profile back; the username of others follows their address.
            data = {name: value for name, value in data.items() if name != "username"}
        form = read(shapes.ProfileSerializer(data=data, partial=True, context={"request": request}))
        return Response(profile_body(services.change_profile(actor=account, user=account, **form.changes())))

    @extend_schema(request=shapes.ProfileSerializer, responses=shapes.ProfileSerializer)
    def patch(self, request: Request) -> Response:
        return self.put(request)


class OwnCompanyView(ApiView):
    """GET, PUT, PATCH /api/auth/company/ — dispatchers, their current company. 200; 400; 403 viewers; 404 without one."""

    permission_classes = [IsDispatcherOrStaff]

    def _company(self, request: Request) -> Company:
        mine = Company.objects.visible_to(request.user).filter(pk=request.user.current_company_id)
        company = mine.first()
        if company is None:
            raise NotFound(_("Company"))
        return company

    @extend_schema(responses=shapes.CompanySerializer)
    def get(self, request: Request) -> Response:
        return Response(shapes.CompanySerializer(self._company(request)).data)

    @extend_schema(request=shapes.OwnCompanySerializer, responses=shapes.CompanySerializer)
    def put(self, request: Request) -> Response:
        company = self._company(request)
        form = read(shapes.OwnCompanySerializer(data=request.data, partial=True))
        company = services.change_company(actor=request.user, company=company, **form.changes())
        return Response(shapes.CompanySerializer(company).data)

    @extend_schema(request=shapes.OwnCompanySerializer, responses=shapes.CompanySerializer)
    def patch(self, request: Request) -> Response:
        return self.put(request)
