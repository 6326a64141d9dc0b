"""Hostile days as tests over TCP: two server processes on real PostgreSQL and Redis, attacked from outside.

`make adversarial` runs them and prints how many cases of each group held. Ids in test names are those of the cases.
"""
