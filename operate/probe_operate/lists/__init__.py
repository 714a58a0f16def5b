"""Signed lists of targets and statements of keys, as their makers make them."""
