"""Invitations to work for a company: those that a company has sent, and one's own."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.request import Request
from rest_framework.response import Response

from accounts import representation, services
from accounts.models import Invitation, Membership
from accounts.permissions import IsDispatcherOfAnyRole, require_editor
from accounts.viewsets.companies import OfCompanyViewSet
from depannini_dashmap.lib.api.list_envelope import OnePage, one_page
from depannini_dashmap.lib.api.routers import path_id
from depannini_dashmap.lib.api.viewsets import ApiViewSet


class SentInvitationViewSet(OfCompanyViewSet):
    """`/api/companies/{id}/invitations/` and `/api/companies/{id}/invitations/{invitation_id}/`: what a company has sent.

    Codes: 200, 204; 403 viewers; 404. Who: its owners and members, staff.
    """

    pagination_class = OnePage
    queryset = Invitation.objects.none()

    @extend_schema(responses=representation.SentInvitationSerializer(many=True), operation_id="companies_invitations_list")
    def list(self, request: Request, company_id: str) -> Response:
        """GET /api/companies/{id}/invitations/ — its owners and members, staff: the open ones. 200; 403 viewers; 404."""
        company = self.company(request, company_id)
        require_editor(request.user, company.pk)
        rows = Invitation.objects.open().filter(company=company)
        return one_page(representation.SentInvitationSerializer(rows, many=True).data)

    @extend_schema(responses={204: None})
    def destroy(self, request: Request, company_id: str, invitation_id: str) -> Response:
        """DELETE /api/companies/{id}/invitations/{invitation_id}/ — its owners and members, staff. 204; 403 viewers; 404."""
        company = self.company(request, company_id)
        require_editor(request.user, company.pk)
        services.revoke_invitation(actor=request.user, company=company, invitation_id=path_id(invitation_id, "Invitation"))
        return Response(status=status.HTTP_204_NO_CONTENT)


class InvitationViewSet(ApiViewSet):
    """`/api/invitations/`, `/api/invitations/{id}/accept/` and `decline/`: those to oneself.

    Codes: 200; 403; 404 not theirs; 409 ended. Who: dispatchers.
    """

    permission_classes = [IsDispatcherOfAnyRole]
    pagination_class = OnePage
    queryset = Invitation.objects.none()

    @extend_schema(responses=representation.OwnInvitationSerializer(many=True), operation_id="invitations_list")
    def list(self, request: Request) -> Response:
        """GET /api/invitations/ — dispatchers: the open ones to themselves; by e-mail only once it is proven. 200; 403."""
        rows = Invitation.objects.offered_to(request.user).select_related("company", "invited_by")
        return one_page(representation.OwnInvitationSerializer(rows, many=True).data)

    @extend_schema(request=None, responses=representation.AcceptedSerializer)
    def accept(self, request: Request, invitation_id: str) -> Response:
        """POST /api/invitations/{id}/accept/ — the invited dispatcher alone. 200; 403; 404 not theirs; 409 ended."""
        invitation = services.accept_invitation(actor=request.user, invitation_id=path_id(invitation_id, "Invitation"))
        member = Membership.objects.of(request.user).get(company=invitation.company_id)
        body = {
            "invitation": invitation,
            "company_id": invitation.company_id,
            "company_name": invitation.company.name,
            "role": member.full_role,
        }
        return Response(representation.AcceptedSerializer(body).data)

    @extend_schema(request=None, responses=representation.InvitedSerializer)
    def decline(self, request: Request, invitation_id: str) -> Response:
        """POST /api/invitations/{id}/decline/ — the invited dispatcher alone. 200; 403; 404 not theirs; 409 ended."""
        invitation = services.decline_invitation(actor=request.user, invitation_id=path_id(invitation_id, "Invitation"))
        return Response(representation.InvitedSerializer({"invitation": invitation}).data)
