"""Every rate limit: what it limits, for whom, how many in how long. docs/operations.md has them as a table.

Not here, as others own them:
- wrong passwords of an account from one address: `AXES_FAILURE_LIMIT` and `AXES_COOLOFF_TIME` in the settings;
- codes for one network and messages of one company: `CODES_PER_NETWORK` and `MESSAGES_PER_COMPANY` in the settings;
- tries of one code: `VerificationCode.MAX_TRIES` and `MAX_TRIES_PER_CALLER`, which hold with THROTTLING=off, too;
- sockets, below all apps: frames and bad frames in `lib/realtime/inbound_frames.py`, connections of one person in
  `lib/realtime/connection_limit.py`, how soon a refused one may come back in `lib/realtime/flood_backoff.py`.
"""

from __future__ import annotations

from datetime import timedelta

from accounts.limits.counters import Bucket, Quota

HOUR, DAY = timedelta(hours=1), timedelta(days=1)

# --- Requests, counted in the cache. Quota: events in a window of so many seconds. Bucket: events a minute, and a buffer ------------
SIGNED_IN = Quota("user", 300, 60)  # requests of a signed-in user
LOCATIONS = Quota("location", 120, 60)  # locations of a user, in place of SIGNED_IN
POSITIONS = Bucket("position", 600, 5000)  # positions of a token, or of a vehicle's devices
POSITION_LISTS = Quota("bulk", 600, 60)  # lists of positions of a token
REGISTRATIONS = Quota("register", 60, 60)  # new accounts from an address
INVITATION_PAGE_POSTS = Bucket("invitation_page", 20, 20)  # posts of a network on the page of an invitation
SOCKET_TICKETS = Bucket("ticket", 30, 30)  # tickets for the sockets of one link's page
HELP_ASKS = Quota("help", 20, 3600)  # asks for help of a network without an account
HELP_SEARCHES = Bucket("help_places", 60, 60)  # searches for places, and prices shown, of a network on /help/
MOTORIST_PAGE_ACTS = Bucket("motorist", 30, 30)  # what is done by one link of a request
CUSTOMER_PAGE_ACTS = Bucket("customer", 30, 30)  # what is asked for by one customer's link, apart from looking

# --- Wrong passwords, codes and secret links, counted in the database ---------------------------------------------------------------
NETWORK_FAILURES, NETWORK_FAILURES_WINDOW = 100, timedelta(minutes=15)  # of one network
GUESSING_NETWORKS, GUESSING_WINDOW = 20, HOUR  # that guess at one account: its owner is warned
DAILY_COMPARISONS = 19  # wrong codes that are compared with an account's or an address's in a day

# --- Mails and SMS, counted in the database -----------------------------------------------------------------------------------------
CALLER_HOUR = 3  # to one address, asked for by one caller
ADDRESS_HOUR, ADDRESS_DAY = 10, 20  # to one address
ACCOUNT_DAY = 20  # asked for by one account
# Once half of an address's day is gone, no stranger gets more than this of it: four of them leave something to the owner.
CONTESTED, SHARE = 10, 4
DRIVER_HOUR, DRIVER_HOUR_PER_VEHICLE = 60, 4  # to drivers, of one company: whichever is more
ALARM_DAY = 40  # of alarms, to one address
ALARM_SHARE = 4  # of a company's day, alarms get this fraction at most: one fourth
