"""With which code a socket is closed, so that its client knows what to do; docs/asyncapi.yaml explains them."""

MALFORMED = 4400
UNAUTHENTICATED = 4401
FORBIDDEN = 4403
TOO_MANY = 4429
TOO_BIG = 1009
RESTART = 1012
TRY_LATER = 1013
# Replacements for codes of the protocol that a server does not send (Daphne refuses to).
APPLICATION_CODES = {TOO_BIG: 4009, RESTART: 4012, TRY_LATER: 4013}
