"""What a person chose and agreed to: settings, consent, and the country and network of the vantage.

May import `core` and `catalogue`. Start with `settings.py` (one TOML file as frozen values), then
`consent/consent_check.py` (does what was agreed to cover what is asked for?) and `geo/vantage_place.py`.
"""
