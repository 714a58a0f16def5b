"""How a fleet of volunteers does: who fell silent, what they run, what of it may be published."""
