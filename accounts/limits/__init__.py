"""Rate limits of requests, failures and messages. `rates` has all numbers and names those that others own.

- counters, throttles: requests of an account or an address in a window (cache).
- lockouts: wrong passwords of one account from one address (axes).
- failed_tries: wrong passwords, codes and tokens of one network (database).
- message_budget: mails and SMS of an address, an account, a network and a company (database).
"""
