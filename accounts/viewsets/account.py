"""One's own account: profile, current company, password, signing out."""

from __future__ import annotations

from django.db import transaction
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import representation, services, tokens
from accounts import serializers as shapes
from accounts.models import Company, User
from accounts.permissions import IsDispatcherOrStaff
from accounts.steps.password_rules import require_good_password
from depannini_dashmap.lib.api.viewsets import ApiViewSet
from depannini_dashmap.lib.errors import DomainError, InvalidData, NotFound, Unauthenticated


class OwnAccountViewSet(ApiViewSet):
    """`/api/auth/profile/`, `password-change/` and `logout/`.

    Body: the fields to change; partial is fine. Answer: the account as the console shows it, or a sentence. Codes: 200; 400;
    401; 429. Who: signed-in users, for themselves.
    """

    @extend_schema(responses=shapes.ProfileSerializer)
    def retrieve(self, request: Request) -> Response:
        """GET, PUT, PATCH /api/auth/profile/ — signed-in users, their own account; bodies may be partial. 200; 400; 401."""
        return Response(representation.own_profile(request.user.pk))

    @extend_schema(request=shapes.ProfileSerializer, responses=shapes.ProfileSerializer)
    def update(self, request: Request) -> Response:
        """GET, PUT, PATCH /api/auth/profile/ — signed-in users, their own account; bodies may be partial. 200; 400; 401."""
        data = request.data
        account = User.objects.get(pk=request.user.pk)
        account.token_version = request.user.token_version  # of the session that asks, should it end meanwhile
        if data.get("username") == account.username or account.user_type not in ("dispatcher", "staff"):
            # A console sends the whole profile back; the username of others follows their address.
            data = {name: value for name, value in data.items() if name != "username"}
        form = self.read(shapes.ProfileSerializer, data, partial=True)
        return Response(representation.profile(services.change_profile(actor=account, user=account, **form.changes())))

    @extend_schema(request=shapes.ProfileSerializer, responses=shapes.ProfileSerializer)
    def partial_update(self, request: Request) -> Response:
        """GET, PUT, PATCH /api/auth/profile/ — signed-in users, their own account; bodies may be partial. 200; 400; 401."""
        return self.update(request)

    @extend_schema(request=shapes.PasswordChangeSerializer, responses=representation.MessageSerializer)
    def change_password(self, request: Request) -> Response:
        """POST /api/auth/password-change/ — signed-in users; ends every session. 200; 400; 401; 429."""
        data = self.read(shapes.PasswordChangeSerializer).validated_data
        account = User.objects.get(pk=request.user.pk)
        try:
            services.check_password(actor=account, request=request._request, user=account, identifier=account.username, password=data["old_password"])
        except Unauthenticated as error:
            raise InvalidData(fields={"old_password": ["The old password is wrong."]}) from error
        require_good_password(data["new_password"], account)
        with transaction.atomic():
            services.set_password(actor=account, user=account, password=data["new_password"])
        return Response({"message": "Password changed"})

    @extend_schema(request=shapes.LogoutSerializer, responses=representation.MessageSerializer)
    def logout(self, request: Request) -> Response:
        """POST /api/auth/logout/ — signed-in users; ends the token used, and the `refresh` in the body. 200; 401."""
        refresh = self.read(shapes.LogoutSerializer).validated_data.get("refresh")
        if refresh:
            try:
                tokens.end_refresh(refresh, owner=request.user)
            except DomainError:
                pass  # it does not count anyway
        tokens.end_token(request.auth)
        return Response({"message": "Successfully logged out"})


class OwnCompanyViewSet(ApiViewSet):
    """`/api/auth/company/`. Body and answer: one's current company. Codes: 200; 400; 403; 404. Who: dispatchers, staff."""

    permission_classes = [IsDispatcherOrStaff]

    @extend_schema(responses=shapes.CompanySerializer)
    def retrieve(self, request: Request) -> Response:
        """GET, PUT, PATCH /api/auth/company/ — dispatchers, their current company. 200; 400; 403 viewers; 404 without one."""
        return Response(shapes.CompanySerializer(self._company(request)).data)

    @extend_schema(request=shapes.OwnCompanySerializer, responses=shapes.CompanySerializer)
    def update(self, request: Request) -> Response:
        """GET, PUT, PATCH /api/auth/company/ — dispatchers, their current company. 200; 400; 403 viewers; 404 without one."""
        company = self._company(request)
        form = self.read(shapes.OwnCompanySerializer, partial=True)
        company = services.change_company(actor=request.user, company=company, **form.changes())
        return Response(shapes.CompanySerializer(company).data)

    @extend_schema(request=shapes.OwnCompanySerializer, responses=shapes.CompanySerializer)
    def partial_update(self, request: Request) -> Response:
        """GET, PUT, PATCH /api/auth/company/ — dispatchers, their current company. 200; 400; 403 viewers; 404 without one."""
        return self.update(request)

    def _company(self, request: Request) -> Company:
        mine = Company.objects.visible_to(request.user).filter(pk=request.user.current_company_id)
        company = mine.first()
        if company is None:
            raise NotFound(_("Company"))
        return company
