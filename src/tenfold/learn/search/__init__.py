"""Many trainings: a recipe over seeds, two compared, and a search for better fields.

study        mean, deviation and interval over seeds    space        the fields to search, and their values
tuning       a search with Optuna, and its end          statistics   intervals, paired tests, their words
jobs         trainings, done by an engine               figures      pictures of both
report       the page about a search                   trials       how they ended, and their scores
"""
