"""What leaves for people outside: mails and text messages, each handed over by one function."""
