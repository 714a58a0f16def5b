"""One service in one country, from every source at hand: values, sentences that follow from them, and a page."""
