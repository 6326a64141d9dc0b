"""Companies and their members."""

from __future__ import annotations

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer

from accounts import representation, services
from accounts import serializers as shapes
from accounts.models import Company, Membership
from accounts.permissions import IsDispatcherOfAnyRole, IsDispatcherOrStaff, require_editor
from depannini_dashmap.lib.api.keyset_pagination import RowPages
from depannini_dashmap.lib.api.list_envelope import OnePage, one_page
from depannini_dashmap.lib.api.routers import path_id
from depannini_dashmap.lib.api.viewsets import ApiViewSet, ResourceViewSet
from depannini_dashmap.lib.errors import NotFound


class CompanyViewSet(ResourceViewSet):
    """/api/companies/ and /api/companies/{id}/ — dispatchers (their own companies) and staff.

    GET list, GET one, POST (the caller becomes its owner), PUT, PATCH, DELETE (empty ones, by an owner).
    200, 201, 204; 400; 403 clients, assistants, viewers, DELETE by members; 404 foreign or absent; 409 still in use.
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
        serializer.instance = services.open_company(actor=self.request.user, **serializer.validated_data)

    def perform_update(self, serializer: BaseSerializer) -> None:
        company = services.change_company(actor=self.request.user, company=serializer.instance, **serializer.validated_data)
        serializer.instance = company

    def perform_destroy(self, instance: Company) -> None:
        services.delete_company(actor=self.request.user, company=instance)


class OfCompanyViewSet(ApiViewSet):
    """What belongs to the company that the path names, for dispatchers of any role in it and staff."""

    permission_classes = [IsDispatcherOfAnyRole]

    def company(self, request: Request, company_id: str) -> Company:
        """Return the company that the path names. Raises: NotFound."""
        found = Company.objects.visible_to(request.user).filter(pk=path_id(company_id, "Company")).first()
        if found is None:
            raise NotFound(_("Company"))
        return found


class MemberViewSet(OfCompanyViewSet):
    """`/api/companies/{id}/members/` and `/api/companies/{id}/members/{user_id}/`.

    Body: `{username | email, role?}`, `{role}`. Answer: the member, or the invitation. Codes: 200, 202, 204; 400; 403; 404;
    409. Who: its members see them, who may edit invites, owners and staff change them; oneself goes by DELETE.
    """

    pagination_class = OnePage
    queryset = Membership.objects.none()

    @extend_schema(responses=representation.MemberSerializer(many=True), operation_id="companies_members_list")
    def list(self, request: Request, company_id: str) -> Response:
        """GET, POST /api/companies/{id}/members/ — its members, staff; POST `{username | email, role?}` by who may edit.

        200 list; 202 invited, whether there is such a person or not; 400; 403 viewers; 404; 409 too many open invitations.
        """
        members = Membership.objects.filter(company=self.company(request, company_id)).select_related("user")
        return one_page(representation.MemberSerializer(members, many=True).data)

    @extend_schema(request=shapes.NewMemberSerializer, responses={202: representation.InvitedSerializer})
    def create(self, request: Request, company_id: str) -> Response:
        """GET, POST /api/companies/{id}/members/ — its members, staff; POST `{username | email, role?}` by who may edit.

        200 list; 202 invited, whether there is such a person or not; 400; 403 viewers; 404; 409 too many open invitations.
        """
        company = self.company(request, company_id)
        require_editor(request.user, company.pk)  # a viewer gets 403, for any body
        form = self.read(shapes.NewMemberSerializer)
        invitation = services.invite(
            actor=request.user, company=company, person=form.person(), role=form.validated_data.get("role")
        )
        body = representation.InvitedSerializer({"invitation": invitation}).data
        return Response(body, status=status.HTTP_202_ACCEPTED)

    @extend_schema(request=shapes.RoleSerializer, responses=representation.MemberSerializer)
    def partial_update(self, request: Request, company_id: str, user_id: str) -> Response:
        """PATCH, DELETE /api/companies/{id}/members/{user_id}/ — its owners, staff; DELETE of oneself: every member.

        200, 204; 400; 403 members, viewers; 404; 409 the last owner.
        """
        company = self.company(request, company_id)
        role = self.read(shapes.RoleSerializer).validated_data["role"]
        member = services.change_role(actor=request.user, company=company, user_id=path_id(user_id, "Member"), role=role)
        return Response(representation.MemberSerializer(member).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, company_id: str, user_id: str) -> Response:
        """PATCH, DELETE /api/companies/{id}/members/{user_id}/ — its owners, staff; DELETE of oneself: every member.

        200, 204; 400; 403 members, viewers; 404; 409 the last owner.
        """
        company = self.company(request, company_id)
        services.remove_member(actor=request.user, company=company, user_id=path_id(user_id, "Member"))
        return Response(status=status.HTTP_204_NO_CONTENT)
