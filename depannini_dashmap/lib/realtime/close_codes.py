"""With which code a socket is closed, so that its client knows what to do; docs/asyncapi.yaml explains them."""

MALFORMED = 4400
UNAUTHENTICATED = 4401
FORBIDDEN = 4403
TOO_MANY = 4429
TOO_BIG = 1009
RESTART = 1012
TRY_LATER = 1013
TOO_SLOW = 1008
