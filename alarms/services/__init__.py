"""The flows of alarms."""

from alarms.services.care import acknowledge, snooze, take_up_again
from alarms.services.escalations import send_messages, set_watch, stop_watch
from alarms.services.refreshing import note_failed_message, refresh_alarms

__all__ = ["acknowledge", "note_failed_message", "refresh_alarms", "send_messages", "set_watch", "snooze", "stop_watch", "take_up_again"]
