"""The makers' side of signed control feeds: from a run at an uncensored place to what is published of it. Pure."""
