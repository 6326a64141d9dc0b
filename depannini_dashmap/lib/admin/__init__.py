"""The admin site's parts that apps share: whose rows somebody sees, and saves that go through services."""
