"""Companies and their members."""

from __future__ import annotations

from django.db.models import QuerySet
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts import serializers as shapes
from accounts import services
from accounts.models import Company, Membership
from accounts.permissions import IsDispatcherOrStaff
from accounts.views.api import ApiView, read
from depannini_dashmap.lib.api import ResourceViewSet, one_page
from depannini_dashmap.lib.errors import NotFound
from depannini_dashmap.lib.rows import RowPages


class CompanyViewSet(ResourceViewSet):
    """/api/companies/ and /api/companies/{id}/ — dispatchers (their own companies) and staff.

    GET list, GET one, POST (the caller becomes a member), PUT, PATCH, DELETE (empty ones only).
    200, 201, 204; 400; 403 clients, assistants, viewers; 404 foreign or absent; 409 still in use.
    """

    queryset = Company.objects.all()
    serializer_class = shapes.CompanySerializer
    permission_classes = [IsDispatcherOrStaff]
    pagination_class = RowPages
    ordering_fields = ("created_at", "name")
    not_found_name = "Company"

    def get_queryset(self) -> QuerySet[Company]:
        if getattr(self, "swagger_fake_view", False):
            return Company.objects.none()
        return Company.objects.visible_to(self.request.user)

    def perform_create(self, serializer: BaseSerializer) -> None:
        serializer.instance = services.open_company(self.request.user, **serializer.validated_data)

    def perform_update(self, serializer: BaseSerializer) -> None:
        company = services.change_company(self.request.user, serializer.instance, **serializer.validated_data)
        serializer.instance = company

    def perform_destroy(self, instance: Company) -> None:
        services.delete_company(self.request.user, instance)


class _OfCompany(ApiView):
    permission_classes = [IsDispatcherOrStaff]

    def company(self, request: Request, company_id: str) -> Company:
        """Return the company that the path names. Raises: NotFound."""
        found = None
        if company_id.isascii() and company_id.isdecimal() and len(company_id) < 19:
            found = Company.objects.visible_to(request.user).filter(pk=int(company_id)).first()
        if found is None:
            raise NotFound("Company")
        return found


class MembersView(_OfCompany):
    """GET, POST /api/companies/{id}/members/ — its members, staff; POST `{username | email, role?}`.

    200 list, 201 joined, 200 was a member; 400 no such dispatcher; 403 viewers; 404.
    """

    @extend_schema(responses=shapes.MemberSerializer(many=True), operation_id="companies_members_list")
    def get(self, request: Request, company_id: str) -> Response:
        members = Membership.objects.filter(company=self.company(request, company_id)).select_related("user")
        return one_page(shapes.MemberSerializer(members, many=True).data)

    @extend_schema(request=shapes.NewMemberSerializer, responses={201: shapes.MemberSerializer})
    def post(self, request: Request, company_id: str) -> Response:
        company = self.company(request, company_id)
        form = read(shapes.NewMemberSerializer(data=request.data))
        member, is_new = services.add_member(
            request.user, company, person=form.person(), role=form.validated_data.get("role")
        )
        code = status.HTTP_201_CREATED if is_new else status.HTTP_200_OK
        return Response(shapes.MemberSerializer(member).data, status=code)


class MemberView(_OfCompany):
    """DELETE /api/companies/{id}/members/{user_id}/ — its members, staff; oneself too. 204; 403 viewers; 404; 409 last."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, company_id: str, user_id: str) -> Response:
        company = self.company(request, company_id)
        if not (user_id.isascii() and user_id.isdecimal() and len(user_id) < 19):
            raise NotFound("Member")
        services.remove_member(request.user, company, int(user_id))
        return Response(status=status.HTTP_204_NO_CONTENT)
