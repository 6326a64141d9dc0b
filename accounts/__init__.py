"""Who people are and whom they work for: users, companies, memberships, sign-in and tokens."""
