"""What observations show, held against each other and against controls: total functions, no opinion.

Start with `path_evidence.py`: what happened between this network and one address of one endpoint.
"""
