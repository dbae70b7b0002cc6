"""What the tests of the service share. Not in conftest.py: of that name there are several."""

AT = "2018-01-01"  # the day on which clinicians ask
JSON = {"Content-Type": "application/json"}
