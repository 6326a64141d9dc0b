"""What this app asks the apps above it; receivers live there and call one service.

- ``order_status_requested(order, status, actor)``: somebody asks by PUT for another status of an order that a trip
  holds; sent inside the transaction with the order's row locked. The receiver returns the status of that trip as text
  (``draft``, ``planned``, ``in_progress``, ``completed``, ``cancelled``), or None when it holds no such order. It must
  lock nothing, because trips are locked before orders. What the answer allows is `orders.lifecycle.may_request`.

That a stop changed needs no signal: `Stop.updated_at` tells it.
"""

from django.dispatch import Signal

order_status_requested = Signal()
