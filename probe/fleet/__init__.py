"""A made-up fleet of volunteers over months, with known truth: to score event detection, and to make data of any size."""
