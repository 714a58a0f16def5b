"""A made-up fleet of volunteers over months, with known truth: to score event detection, to make data of any size."""
