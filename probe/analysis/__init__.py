"""From rows to findings: cells, on one machine or many, and what is read from them."""
