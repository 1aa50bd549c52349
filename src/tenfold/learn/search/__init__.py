"""Many trainings: a recipe over seeds, two compared, and a search for better fields.

study        mean, deviation and interval over seeds    space        the fields to search, and their values
tuning       a search with Optuna, and its end          searching    what each of its processes does
jobs         trainings, done by an engine               statistics   intervals, paired tests, their words
report       the page about a search                    figures      pictures of both
trials       how they ended, and their scores           storage      where they are kept
driving      has them trained, and tells what stands
"""
