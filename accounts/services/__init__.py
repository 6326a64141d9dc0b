"""Services of accounts, one verb each, for REST, admin and commands."""

from accounts.services.account_closure import close_account
from accounts.services.address_relief import free_address
from accounts.services.caller_proofs import enter_proof, request_proof, use_up_proof
from accounts.services.callers import asking_account, caller_account, look_up_caller
from accounts.services.code_sign_in import request_sign_in, sign_in_by_code
from accounts.services.codes import (
    confirm_reset,
    request_own_verification,
    request_reset,
    request_verification,
    verify_address,
    verify_own_address,
)
from accounts.services.companies import change_company, delete_company, open_company
from accounts.services.credentials import (
    end_sessions,
    set_active,
    set_password,
    set_password_by_operator,
    sign_out_everywhere,
)
from accounts.services.groups import set_roadside
from accounts.services.invitation_links import (
    accept_by_link,
    decline_by_link,
    hand_on_link,
    join_by_link,
    send_invitation_link,
)
from accounts.services.invitations import accept_invitation, decline_invitation, invite, revoke_invitation
from accounts.services.memberships import add_member, change_role, remove_member
from accounts.services.profile import change_profile
from accounts.services.push_devices import forget_push_devices, register_push_device, set_quiet_hours
from accounts.services.registration import open_account, register_dispatcher, register_person
from accounts.services.sign_in import check_password, sign_in, sign_in_to_fleet, sign_in_with_google

__all__ = [
    "accept_by_link",
    "accept_invitation",
    "add_member",
    "asking_account",
    "caller_account",
    "change_company",
    "change_profile",
    "change_role",
    "check_password",
    "close_account",
    "confirm_reset",
    "decline_by_link",
    "decline_invitation",
    "delete_company",
    "end_sessions",
    "enter_proof",
    "forget_push_devices",
    "free_address",
    "hand_on_link",
    "invite",
    "join_by_link",
    "look_up_caller",
    "open_account",
    "open_company",
    "register_dispatcher",
    "register_person",
    "register_push_device",
    "remove_member",
    "request_own_verification",
    "request_proof",
    "request_reset",
    "request_sign_in",
    "request_verification",
    "revoke_invitation",
    "send_invitation_link",
    "set_active",
    "set_password",
    "set_password_by_operator",
    "set_quiet_hours",
    "set_roadside",
    "sign_in",
    "sign_in_by_code",
    "sign_in_to_fleet",
    "sign_in_with_google",
    "sign_out_everywhere",
    "use_up_proof",
    "verify_address",
    "verify_own_address",
]
