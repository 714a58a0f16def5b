"""OONI's tests, read and written: each test type in a file, pure."""
