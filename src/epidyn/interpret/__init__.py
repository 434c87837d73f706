"""What a network read: the change of its score when bases are masked or replaced."""
