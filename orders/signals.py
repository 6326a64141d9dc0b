"""Signals of this app for the apps above it, whose receivers call one service.

- ``order_status_requested(order, status, actor)``: somebody asks by PUT for another status of an order that a trip
  holds; sent inside the transaction with the order's row locked. The receiver returns the status of that trip as text
  (``draft``, ``planned``, ``in_progress``, ``completed``, ``cancelled``; ``failed`` for an open one in which a stop of
  the order failed), or None when it holds no such order. It must lock no trip, because trips are locked before orders;
  which trip holds an order is written under the order's lock. What the answer allows is `orders.lifecycle.may_request`.

A changed stop needs no signal: `Stop.updated_at` shows it.
"""

from django.dispatch import Signal

order_status_requested = Signal()
