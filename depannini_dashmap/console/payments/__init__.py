"""The pages about money: paying, receipts, what is unpaid, and the cash that assistants hold."""
