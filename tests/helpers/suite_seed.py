"""The seed of the suite: from it every test draws its worlds, its targets and its made-up data.

It is fixed, so that a failure is of the change under test and not of another draw, and so that two changes are tested
by the same worlds. Fresh seeds are for `make score`, which looks for worlds in which the program errs and keeps them in
`tests/lab/failing_seeds`, where a test runs each again. PROBE_TEST_SEED sets another seed for one run.
"""

SUITE_SEED = 1_704_067
