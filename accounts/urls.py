"""Paths of this app, below `/api/`; each works with and without its trailing slash."""

from django.urls import include, path, re_path

from accounts.views import account, codes, companies, invitations, sign_in
from depannini_dashmap.lib.api.routers import SlashlessRouter

router = SlashlessRouter()
router.register("companies", companies.CompanyViewSet, basename="company")

_COMPANY = r"^companies/(?P<company_id>[^/]+)"
_MEMBERS = _COMPANY + r"/members"
_SENT = _COMPANY + r"/invitations"
_OWN = r"^invitations/(?P<invitation_id>[^/]+)"

urlpatterns = [
    re_path(r"^auth/register/?$", sign_in.RegisterView.as_view(), name="register"),
    re_path(r"^auth/login/?$", sign_in.LoginView.as_view(), name="login"),
    re_path(r"^auth/login/email/?$", sign_in.EmailLoginView.as_view(), name="login-email"),
    re_path(r"^auth/login/phone/?$", sign_in.PhoneLoginView.as_view(), name="login-phone"),
    re_path(r"^auth/login/google/?$", sign_in.GoogleLoginView.as_view(), name="login-google"),
    re_path(r"^auth/logout/?$", sign_in.LogoutView.as_view(), name="logout"),
    re_path(r"^auth/token/refresh/?$", sign_in.RefreshView.as_view(), name="token-refresh"),
    re_path(r"^auth/token/revoke/?$", sign_in.RevokeView.as_view(), name="token-revoke"),
    re_path(r"^auth/verify-email/?$", codes.VerifyEmailView.as_view(), name="verify-email"),
    re_path(r"^auth/verify-email/confirm/?$", codes.ConfirmEmailView.as_view(), name="verify-email-confirm"),
    re_path(r"^auth/verify-phone/?$", codes.VerifyPhoneView.as_view(), name="verify-phone"),
    re_path(r"^auth/verify-phone/confirm/?$", codes.ConfirmPhoneView.as_view(), name="verify-phone-confirm"),
    re_path(r"^auth/resend-verification/?$", codes.ResendView.as_view(), name="resend-verification"),
    re_path(r"^auth/password-reset/?$", codes.ResetView.as_view(), name="password-reset"),
    re_path(r"^auth/password-reset/confirm/?$", codes.ResetConfirmView.as_view(), name="password-reset-confirm"),
    re_path(r"^auth/password-change/?$", codes.PasswordChangeView.as_view(), name="password-change"),
    re_path(r"^auth/profile/?$", account.ProfileView.as_view(), name="own-profile"),
    re_path(r"^auth/company/?$", account.OwnCompanyView.as_view(), name="own-company"),
    re_path(_MEMBERS + r"/?$", companies.MembersView.as_view(), name="company-members"),
    re_path(_MEMBERS + r"/(?P<user_id>[^/]+)/?$", companies.MemberView.as_view(), name="company-member"),
    re_path(_SENT + r"/?$", invitations.CompanyInvitationsView.as_view(), name="company-invitations"),
    re_path(_SENT + r"/(?P<invitation_id>[^/]+)/?$", invitations.CompanyInvitationView.as_view(), name="company-invitation"),
    re_path(r"^invitations/?$", invitations.OwnInvitationsView.as_view(), name="invitations"),
    re_path(_OWN + r"/accept/?$", invitations.AcceptView.as_view(), name="invitation-accept"),
    re_path(_OWN + r"/decline/?$", invitations.DeclineView.as_view(), name="invitation-decline"),
    path("", include(router.urls)),
]
