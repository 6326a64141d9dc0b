"""Every rate limit of requests and messages; none of them is anywhere else.

- throttles: requests of an account or an address in a window (cache).
- lockouts: wrong passwords of one account from one address (axes).
- failed_tries: wrong passwords, codes and tokens of one network (database).
- message_budget: mails and SMS of an address, an account, a network and a company (database).

How often a code may be entered is in `steps/code_guesses.py`, how many sockets a token may hold in
`lib/realtime/connection_limit.py`, and how soon a refused socket may come back in `lib/realtime/flood_backoff.py`.
"""
