"""Services of roadside assistance, one verb each; REST, sockets, admin and tasks call these and nothing below."""

from assistance.dispatch_candidates import Ranked, assistants_to_call, ranked_candidates
from assistance.quotes import Quote, distance_of, quote
from assistance.services.account_closure import close_open_jobs
from assistance.services.approvals import approve_assistant, withdraw_approval
from assistance.services.calls import (
    Caller,
    assign_for_caller,
    cancel_scheduled,
    merge_caller_account,
    open_scheduled,
    request_for_caller,
    schedule_for_caller,
)
from assistance.services.chat import Posted, post_chat
from assistance.services.given_links import deliver_link, end_links, give_link, send_link
from assistance.services.jobs import complete, rate, update_status
from assistance.services.link_push import follow_by_link, push_link
from assistance.services.locations import PartyLocation, store_locations, store_locations_and_etas
from assistance.services.manual_dispatch import ASKED_AGAIN, ask_again, assign_by_hand, cancel_by_staff
from assistance.services.motorist import (
    answer_price_by_link,
    cancel_by_link,
    rate_by_link,
    release_by_link,
    write_by_link,
)
from assistance.services.notifications import push_again, push_chat, push_job, push_offers
from assistance.services.offers import accept, decline, expire, send_next_wave
from assistance.services.photos import add_photos, add_photos_by_link
from assistance.services.prices import answer_price, set_price
from assistance.services.profiles import (
    change_own_profile,
    change_papers,
    keep_fresh,
    leave_duty,
    register_assistant,
    report_location,
    set_duty,
)
from assistance.services.public_requests import Asker, ProofNeeded, ask_for_help
from assistance.services.releases import release
from assistance.services.request_creation import request_assistance
from assistance.services.signs_of_life import check_stalled, note_sign_of_life, note_signs_of_life

__all__ = [
    "ASKED_AGAIN",
    "Asker",
    "Caller",
    "Posted",
    "ProofNeeded",
    "Quote",
    "Ranked",
    "PartyLocation",
    "accept",
    "add_photos",
    "add_photos_by_link",
    "answer_price",
    "answer_price_by_link",
    "approve_assistant",
    "ask_again",
    "ask_for_help",
    "assign_by_hand",
    "assign_for_caller",
    "assistants_to_call",
    "cancel_by_link",
    "cancel_by_staff",
    "cancel_scheduled",
    "change_own_profile",
    "change_papers",
    "check_stalled",
    "close_open_jobs",
    "complete",
    "decline",
    "deliver_link",
    "distance_of",
    "end_links",
    "expire",
    "give_link",
    "merge_caller_account",
    "keep_fresh",
    "leave_duty",
    "note_sign_of_life",
    "note_signs_of_life",
    "post_chat",
    "open_scheduled",
    "follow_by_link",
    "push_again",
    "push_chat",
    "push_job",
    "push_link",
    "push_offers",
    "quote",
    "ranked_candidates",
    "rate",
    "rate_by_link",
    "register_assistant",
    "release",
    "release_by_link",
    "report_location",
    "request_assistance",
    "request_for_caller",
    "schedule_for_caller",
    "send_link",
    "send_next_wave",
    "set_duty",
    "set_price",
    "store_locations",
    "store_locations_and_etas",
    "update_status",
    "withdraw_approval",
    "write_by_link",
]
