"""The volunteer's answer as a page, and the markup that pages are made of."""
