"""The planning page: choose orders and vehicles, look at what the planner suggests, apply it or take it back."""
