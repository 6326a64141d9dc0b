"""The flows of alarms."""

from alarms.services.care import acknowledge, snooze, take_up_again
from alarms.services.looks import look, note_failed_message
from alarms.services.watches import send_messages, set_watch, stop_watch

__all__ = ["acknowledge", "look", "note_failed_message", "send_messages", "set_watch", "snooze", "stop_watch", "take_up_again"]
