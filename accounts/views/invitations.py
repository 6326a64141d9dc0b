"""Invitations to work for a company: those that a company has sent, and one's own."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import serializers as shapes
from accounts import services
from accounts.models import Invitation, Membership
from accounts.permissions import IsDispatcherOfAnyRole, require_editor
from accounts.views.api import ApiView
from accounts.views.companies import _OfCompany
from depannini_dashmap.lib.api.pagination import OnePage, one_page
from depannini_dashmap.lib.api.routers import path_id


class CompanyInvitationsView(_OfCompany):
    """GET /api/companies/{id}/invitations/ — its owners and members, staff: the open ones. 200; 403 viewers; 404."""

    pagination_class = OnePage

    @extend_schema(responses=shapes.SentInvitationSerializer(many=True), operation_id="companies_invitations_list")
    def get(self, request: Request, company_id: str) -> Response:
        company = self.company(request, company_id)
        require_editor(request.user, company.pk)
        rows = Invitation.objects.open().filter(company=company)
        return one_page(shapes.SentInvitationSerializer(rows, many=True).data)


class CompanyInvitationView(_OfCompany):
    """DELETE /api/companies/{id}/invitations/{invitation_id}/ — its owners and members, staff. 204; 403 viewers; 404."""

    @extend_schema(responses={204: None})
    def delete(self, request: Request, company_id: str, invitation_id: str) -> Response:
        company = self.company(request, company_id)
        require_editor(request.user, company.pk)
        services.revoke_invitation(actor=request.user, company=company, invitation_id=path_id(invitation_id, "Invitation"))
        return Response(status=status.HTTP_204_NO_CONTENT)


class OwnInvitationsView(ApiView):
    """GET /api/invitations/ — dispatchers: the open ones to themselves; by e-mail only once it is proven. 200; 403."""

    permission_classes = [IsDispatcherOfAnyRole]
    pagination_class = OnePage

    @extend_schema(responses=shapes.OwnInvitationSerializer(many=True), operation_id="invitations_list")
    def get(self, request: Request) -> Response:
        rows = Invitation.objects.offered_to(request.user).select_related("company", "invited_by")
        return one_page(shapes.OwnInvitationSerializer(rows, many=True).data)


class AcceptView(ApiView):
    """POST /api/invitations/{id}/accept/ — the invited dispatcher alone. 200; 403; 404 not theirs; 409 ended."""

    permission_classes = [IsDispatcherOfAnyRole]

    @extend_schema(request=None, responses=shapes.AcceptedSerializer)
    def post(self, request: Request, invitation_id: str) -> Response:
        invitation = services.accept_invitation(actor=request.user, invitation_id=path_id(invitation_id, "Invitation"))
        member = Membership.objects.of(request.user).get(company=invitation.company_id)
        body = {
            "invitation": invitation,
            "company_id": invitation.company_id,
            "company_name": invitation.company.name,
            "role": member.full_role,
        }
        return Response(shapes.AcceptedSerializer(body).data)


class DeclineView(ApiView):
    """POST /api/invitations/{id}/decline/ — the invited dispatcher alone. 200; 403; 404 not theirs; 409 ended."""

    permission_classes = [IsDispatcherOfAnyRole]

    @extend_schema(request=None, responses=shapes.InvitedSerializer)
    def post(self, request: Request, invitation_id: str) -> Response:
        invitation = services.decline_invitation(actor=request.user, invitation_id=path_id(invitation_id, "Invitation"))
        return Response(shapes.InvitedSerializer({"invitation": invitation}).data)
