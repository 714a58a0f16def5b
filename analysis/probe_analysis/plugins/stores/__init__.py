"""Which applications stand in which storefronts of the application stores, and since when; asked for in batches.

Pure but for `fetch` and `batch`: `answers` reads what a store says, `judge` says what it means, `changes` compares
checks over time.
"""
