"""Paths of this app, below `/api/`; each works with and without its trailing slash."""

from django.urls import include, path, re_path

from accounts.viewsets import account, codes, companies, invitations, sign_in
from depannini_dashmap.lib.api.routers import SlashlessRouter

router = SlashlessRouter()
router.register("companies", companies.CompanyViewSet, basename="company")

_COMPANY = r"^companies/(?P<company_id>[^/]+)"
_MEMBERS = _COMPANY + r"/members"
_SENT = _COMPANY + r"/invitations"
_OWN = r"^invitations/(?P<invitation_id>[^/]+)"

WHOLE = {"get": "retrieve", "put": "update", "patch": "partial_update"}

urlpatterns = [
    re_path(r"^auth/register/?$", sign_in.RegistrationViewSet.as_view({"post": "create"}), name="register"),
    re_path(r"^auth/login/?$", sign_in.SignInViewSet.as_view({"post": "login"}), name="login"),
    re_path(r"^auth/login/email/?$", sign_in.SignInViewSet.as_view({"post": "login_by_email"}), name="login-email"),
    re_path(r"^auth/login/phone/?$", sign_in.SignInViewSet.as_view({"post": "login_by_phone"}), name="login-phone"),
    re_path(r"^auth/login/google/?$", sign_in.SignInViewSet.as_view({"post": "login_by_google"}), name="login-google"),
    re_path(r"^auth/logout/?$", account.OwnAccountViewSet.as_view({"post": "logout"}), name="logout"),
    re_path(r"^auth/token/refresh/?$", sign_in.SignInViewSet.as_view({"post": "refresh"}), name="token-refresh"),
    re_path(r"^auth/token/revoke/?$", sign_in.SignInViewSet.as_view({"post": "revoke"}), name="token-revoke"),
    re_path(r"^auth/verify-email/?$", codes.CodeViewSet.as_view({"post": "verify_email"}), name="verify-email"),
    re_path(r"^auth/verify-email/confirm/?$", codes.CodeViewSet.as_view({"post": "confirm_email"}), name="verify-email-confirm"),
    re_path(r"^auth/verify-phone/?$", codes.CodeViewSet.as_view({"post": "verify_phone"}), name="verify-phone"),
    re_path(r"^auth/verify-phone/confirm/?$", codes.CodeViewSet.as_view({"post": "confirm_phone"}), name="verify-phone-confirm"),
    re_path(r"^auth/resend-verification/?$", codes.CodeViewSet.as_view({"post": "resend"}), name="resend-verification"),
    re_path(r"^auth/password-reset/?$", codes.PasswordResetViewSet.as_view({"post": "request_code"}), name="password-reset"),
    re_path(r"^auth/password-reset/confirm/?$", codes.PasswordResetViewSet.as_view({"post": "confirm"}), name="password-reset-confirm"),
    re_path(r"^auth/password-change/?$", account.OwnAccountViewSet.as_view({"post": "change_password"}), name="password-change"),
    re_path(r"^auth/profile/?$", account.OwnAccountViewSet.as_view(WHOLE), name="own-profile"),
    re_path(r"^auth/company/?$", account.OwnCompanyViewSet.as_view(WHOLE), name="own-company"),
    re_path(_MEMBERS + r"/?$", companies.MemberViewSet.as_view({"get": "list", "post": "create"}), name="company-members"),
    re_path(_MEMBERS + r"/(?P<user_id>[^/]+)/?$", companies.MemberViewSet.as_view({"patch": "partial_update", "delete": "destroy"}), name="company-member"),
    re_path(_SENT + r"/?$", invitations.SentInvitationViewSet.as_view({"get": "list"}), name="company-invitations"),
    re_path(_SENT + r"/(?P<invitation_id>[^/]+)/?$", invitations.SentInvitationViewSet.as_view({"delete": "destroy"}), name="company-invitation"),
    re_path(r"^invitations/?$", invitations.InvitationViewSet.as_view({"get": "list"}), name="invitations"),
    re_path(_OWN + r"/accept/?$", invitations.InvitationViewSet.as_view({"post": "accept"}), name="invitation-accept"),
    re_path(_OWN + r"/decline/?$", invitations.InvitationViewSet.as_view({"post": "decline"}), name="invitation-decline"),
    path("", include(router.urls)),
]
