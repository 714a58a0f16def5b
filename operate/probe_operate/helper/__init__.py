"""The helper as a service: who may ask, what is measured for them, and the answer."""
