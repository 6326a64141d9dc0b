"""A company's people: who works there and as what, who is asked, leaving; and the invitations to oneself."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import redirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from accounts import services
from accounts.models import Company, Invitation, Membership
from accounts.permissions import may_edit, may_own
from accounts.serializers import NewMemberSerializer
from depannini_dashmap.console import action_pages
from depannini_dashmap.lib.api.exception_handler import flatten_fields
from depannini_dashmap.lib.errors import DomainError, InvalidData
from depannini_dashmap.lib.outbound import mail

LEAVE = action_pages.Ask(
    gettext_lazy("Leave the company"),
    gettext_lazy("You no longer see anything of this company. To come back you have to be invited again."),
)
REMOVE = action_pages.Ask(
    gettext_lazy("Remove from the company"),
    gettext_lazy("This person no longer sees anything of this company, from now on."),
)


@require_safe
def choose(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Lead to the people of the current company, else of the one joined last, else to the list of companies."""
    mine = Membership.objects.of(request.user).values_list("company_id", flat=True)
    ids = [pk for pk in mine if pk == request.user.current_company_id] or list(mine[:1])
    return redirect("admin:company_people", *ids) if ids else redirect("admin:accounts_company_changelist")


@require_safe
def show(request: HttpRequest, company_id: int, context: dict[str, Any]) -> HttpResponse:
    """Show who works for a company and who is asked to, with what the caller may do about it."""
    company = _company(request, company_id)
    members = Membership.objects.filter(company=company).select_related("user").order_by("created_at", "pk")
    is_editor = may_edit(request.user, company.pk)
    open_ones = Invitation.objects.open().filter(company=company).select_related("invited_by") if is_editor else ()
    page = {
        "title": _("People of %(company)s") % {"company": company.name},
        "company": company,
        "members": members,
        "others": Company.objects.filter(memberships__user=request.user).exclude(pk=company.pk).order_by("name"),
        "invitations": open_ones,
        "is_editor": is_editor,
        "is_owner": may_own(request.user, company.pk),
        "roles": Membership.Role.choices,
        "invited_roles": Membership.INVITED,
        "days": Invitation.LASTS.days,
        "reaches_mailboxes": mail.reaches_mailboxes(),
    }
    return TemplateResponse(request, "console/company.html", {**context, **page})


@require_POST
def invite(request: HttpRequest, company_id: int, context: dict[str, Any]) -> HttpResponse:
    """Ask somebody by username or e-mail; whether there is such a person is not said here either."""
    company, typed = _company(request, company_id), request.POST.get("person", "").strip()

    def act() -> str:
        form = NewMemberSerializer(
            data={"email" if "@" in typed else "username": typed, "role": request.POST.get("role", "")}
        )
        if not form.is_valid():
            raise InvalidData(_("Give a username or an e-mail address"), fields=flatten_fields(form.errors))
        services.invite(actor=request.user, company=company, person=form.person(), role=form.validated_data.get("role"))
        return _("Invited, if there is such a person: %(name)s") % {"name": typed}

    return _told(request, act, back=_people(company))


@require_POST
def revoke(request: HttpRequest, company_id: int, invitation_id: int, context: dict[str, Any]) -> HttpResponse:
    """Take an invitation back."""
    company, number = _company(request, company_id), action_pages.checked_id(invitation_id)

    def act() -> str:
        services.revoke_invitation(actor=request.user, company=company, invitation_id=number)
        return _("The invitation is taken back.")

    return _told(request, act, back=_people(company))


@never_cache
@action_pages.READ_AND_POST
def hand_on(request: HttpRequest, company_id: int, invitation_id: int, context: dict[str, Any]) -> HttpResponse:
    """Make the link of an invitation that its inviter hands on; its address is shown once."""
    company, number = _company(request, company_id), action_pages.checked_id(invitation_id)
    rows = Invitation.objects.open().filter(company=company, pk=number).exclude(email="")
    invitation = rows.first() if may_edit(request.user, company.pk) else None
    if invitation is None:
        raise Http404
    make = partial(services.hand_on_link, actor=request.user, company=company, invitation_id=number)
    url = action_pages.made_once(request, make, reverse("admin:company_invitation_link", args=[company.pk, number]))
    if not isinstance(url, str):
        return url
    page = {"title": _("Link of the invitation"), "company": company, "invitation": invitation, "url": url, "reaches_mailboxes": mail.reaches_mailboxes()}
    return TemplateResponse(request, "console/invitation_link.html", {**context, **page})


@require_POST
def give_role(request: HttpRequest, company_id: int, user_id: int, context: dict[str, Any]) -> HttpResponse:
    """Change the role of a member."""
    company, role = _company(request, company_id), request.POST.get("role", "")
    if role not in Membership.Role.values:
        raise Http404

    def act() -> str:
        member = services.change_role(actor=request.user, company=company, user_id=action_pages.checked_id(user_id), role=role)
        words = {"name": member.user.display_name, "role": Membership.Role(role).label}
        return _("New role of %(name)s: %(role)s") % words

    return _told(request, act, back=_people(company))


@action_pages.READ_AND_POST
def remove(request: HttpRequest, company_id: int, user_id: int, context: dict[str, Any]) -> HttpResponse:
    """Ask once, then end a membership: one's own, or as an owner another's."""
    company = _company(request, company_id)
    member = Membership.objects.select_related("user").filter(company=company, user_id=action_pages.checked_id(user_id)).first()
    if member is None:
        raise Http404
    is_own = member.user_id == request.user.pk
    chosen = [action_pages.Chosen(member.user, member.user.display_name, _people(company))]

    def act(_row: Any, _reason: str) -> str:
        services.remove_member(actor=request.user, company=company, user_id=member.user_id)
        return _("has left %(company)s") % {"company": company.name}

    done = reverse("admin:index") if is_own else _people(company)
    back = done if request.method == "POST" else _people(company)
    return action_pages.ask_then_each(request, context, LEAVE if is_own else REMOVE, chosen, act, back=back)


@require_safe
def show_invitations(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Show the companies that ask for the person who looks."""
    user = request.user
    page = {
        "title": _("Invitations"),
        "invitations": Invitation.objects.offered_to(user).select_related("company", "invited_by"),
        "unproven": user.email if user.email and not user.email_verified else "",
    }
    return TemplateResponse(request, "console/invitations.html", {**context, **page})


@require_POST
def answer(request: HttpRequest, invitation_id: int, choice: str, context: dict[str, Any]) -> HttpResponse:
    """Accept an invitation or decline it."""
    number = action_pages.checked_id(invitation_id)

    def accept() -> str:
        company = services.accept_invitation(actor=request.user, invitation_id=number).company
        return _("You work for %(company)s now.") % {"company": company.name}

    def decline() -> str:
        services.decline_invitation(actor=request.user, invitation_id=number)
        return _("The invitation is declined.")

    return _told(request, accept if choice == "accept" else decline, back=reverse("admin:invitations"))


def _company(request: HttpRequest, company_id: int) -> Company:
    company = Company.objects.visible_to(request.user).filter(pk=action_pages.checked_id(company_id)).first()
    if company is None:
        raise Http404
    return company


def _people(company: Company) -> str:
    return reverse("admin:company_people", args=[company.pk])


def _told(request: HttpRequest, act: Callable[[], str], *, back: str) -> HttpResponse:
    """Do it and go back to the page, which says what was done or why not."""
    try:
        messages.success(request, act())
    except DomainError as error:
        messages.error(request, error.for_page())
    return HttpResponseRedirect(back)
