"""Signals of this app for the apps above it, whose receivers call one service.

All are sent inside the transaction of the change, so a receiver that raises undoes it.

- ``assistant_registered(user, details)``: a new assistant; details are the validated assistant-only fields,
  the place among them None where an operator made the account.
- ``location_reported(user, latitude, longitude)``: somebody said where they are.
- ``signed_in_request(user_id)``: an assistant's request came with a credential that counts; often.
- ``sessions_ended(user_id, reason)``: every token of the user is dead.
- ``caller_joining(user, caller)``: a client has proven the number of a caller, whose account is about to go.
- ``account_closing(user)``: before personal data is erased; receivers end what the user still has open.
"""

from django.dispatch import Signal

assistant_registered = Signal()
location_reported = Signal()
signed_in_request = Signal()
sessions_ended = Signal()
account_closing = Signal()
caller_joining = Signal()
