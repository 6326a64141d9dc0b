"""The board: what needs somebody now, in a fixed number of queries."""
