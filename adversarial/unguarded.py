"""The application with guards taken away, named by UNGUARDED: what the races must notice. Never served to anybody but by
`python -m adversarial.unguarded serve`.

- `lock:<app.model>`: its rows are read without a lock.
- `condition:<app.model>.<field>`: a conditional UPDATE of the field reads first and then writes the value that it read.
- `counter:orders`: the next order number is counted from what the statement saw, not from the row that it locked.
- `use:codes`: a code is not used up by who enters it.
- `lock:sign-in`: tries of one account from one address do not wait for each other.
- `constraint:<name>` is dropped by the environment.
"""

import os
from typing import Any

from depannini_dashmap.asgi import application  # isort: skip - sets Django up
from django.db.models import QuerySet

from accounts.limits import lockouts
from accounts.services import codes
from manage import main
from orders import numbers

__all__ = ["application"]

GUARDS = set(os.environ["UNGUARDED"].split())
_lock, _update = QuerySet.select_for_update, QuerySet.update


def _select_for_update(self: QuerySet, *args: Any, **kwargs: Any) -> QuerySet:
    return self.all() if f"lock:{self.model._meta.label_lower}" in GUARDS else _lock(self, *args, **kwargs)


def _read_then_update(self: QuerySet, **values: Any) -> int:
    if not GUARDS & {f"condition:{self.model._meta.label_lower}.{name}" for name in values}:
        return _update(self, **values)
    found = list(self.values_list("pk", flat=True))
    return _update(self.model._default_manager.filter(pk__in=found), **values)


QuerySet.select_for_update = _select_for_update
QuerySet.update = _read_then_update
if "counter:orders" in GUARDS:
    seen = "(SELECT seen.last FROM orders_ordernumber seen WHERE seen.year = excluded.year)"
    numbers._RAISE = numbers._RAISE.replace("orders_ordernumber.last + ", f"{seen} + ")
if "use:codes" in GUARDS:
    codes.use_up = lambda *_: None
if "lock:sign-in" in GUARDS:
    lockouts.take_lock = lambda *_: None

if __name__ == "__main__":
    main()
