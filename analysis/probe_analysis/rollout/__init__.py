"""How a rollout does: who tries something first, compared with the rest of a fleet."""
