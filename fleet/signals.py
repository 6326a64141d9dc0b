"""Signals of this app for the apps above it, whose receivers call one service.

Sent inside the transaction of the change with the vehicle's row locked, so a receiver that raises undoes it, and a new
trip, which locks the same row first, cannot slip in between.

- ``vehicle_leaving(vehicle, reason)``: the vehicle is about to be deleted (``reason="deleted"``) or to go to another
  company (``reason="moved"``). A receiver that still needs it raises Conflict.
"""

from django.dispatch import Signal

vehicle_leaving = Signal()
