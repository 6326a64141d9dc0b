"""What jobs and orders owe, what was paid for them, and the cash that assistants hold."""
