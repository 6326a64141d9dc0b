"""The page of one roadside request, and the tariffs' preview."""
