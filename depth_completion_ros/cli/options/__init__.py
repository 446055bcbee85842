"""Options that several commands share: one by one in `single`, and those that go together in `groups`."""
