"""What this app asks and tells the apps above it; receivers live there and call one service.

All are sent inside the transaction of the change, with the order's row locked, so a receiver that raises undoes it.

- ``order_status_requested(order, status, actor)``: somebody asks by PUT for another status of an order that a trip
  holds. The receiver returns the status of that trip as text (``draft``, ``planned``, ``in_progress``, ``completed``,
  ``cancelled``), or None when it holds no such order; it must lock nothing, because the order's row is already held
  and trips are locked before orders. What the answer allows is `orders.lifecycle.may_request`.
- ``stops_changed(stop_ids)``: name, address, place, contact or notes of these stops are no longer what they were, so a
  driver who was told of them was told something else.
"""

from django.dispatch import Signal

order_status_requested = Signal()
stops_changed = Signal()
