"""DRF permissions of endpoints; which rows a user sees is `visible_to`."""

from typing import Any

from rest_framework.permissions import SAFE_METHODS, BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from accounts.models import Membership, User
from depannini_dashmap.lib.errors import Forbidden


class _OfType(BasePermission):
    user_type: str

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        return bool(user.is_authenticated and user.user_type == self.user_type)


class IsClient(_OfType):
    """Motorists only."""

    user_type = User.Type.CLIENT


class IsAssistant(_OfType):
    """Assistants only."""

    user_type = User.Type.ASSISTANT


class IsRoadside(BasePermission):
    """Who works the roadside side: operators, and dispatchers of the group Roadside."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        return bool(request.user.is_authenticated and request.user.is_roadside)


class IsDispatcherOrStaff(BasePermission):
    """Dispatchers and operators; who only views companies may not change anything.

    A viewer of one company may be a member of another: services check the company at hand with `require_editor`.
    """

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        if not user.is_authenticated:
            return False
        if user.is_operator:
            return True
        if user.user_type != User.Type.DISPATCHER:
            return False
        return request.method in SAFE_METHODS or not (user.is_company_member and not user.is_company_editor)

    def has_object_permission(self, request: Request, view: APIView, obj: Any) -> bool:
        if request.method in SAFE_METHODS:
            return True
        company_id = obj.pk if obj._meta.label == "accounts.Company" else getattr(obj, "company_id", None)
        return company_id is None or may_edit(request.user, company_id)


class IsDispatcherOfAnyRole(BasePermission):
    """Dispatchers, who only views companies among them, and operators: for what is about oneself, or checked by services."""

    def has_permission(self, request: Request, view: APIView) -> bool:
        user = request.user
        return bool(user.is_authenticated and (user.is_operator or user.user_type == User.Type.DISPATCHER))


def may_edit(user: User, company_id: int) -> bool:
    """Return whether the user may change what belongs to the company."""
    return user.is_operator or Membership.objects.of(user).editors().filter(company_id=company_id).exists()


def require_editor(user: User, company_id: int) -> None:
    """Let members of the company and operators pass. Raises: Forbidden (viewers, strangers)."""
    if not may_edit(user, company_id):
        raise Forbidden()


def may_own(user: User, company_id: int) -> bool:
    """Return whether the user decides who works for the company."""
    return user.is_operator or Membership.objects.of(user).owners().filter(company_id=company_id).exists()


def require_owner(user: User, company_id: int) -> None:
    """Let owners of the company and operators pass. Raises: Forbidden (everybody else)."""
    if not may_own(user, company_id):
        raise Forbidden()
