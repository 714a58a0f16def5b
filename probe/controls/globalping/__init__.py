"""Globalping, a public network of probes, as a control: what is asked, what its answers prove, and its limits."""
