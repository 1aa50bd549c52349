"""The service: a page to draw on and a REST interface, over the reader and its model file.

settings       what it is started with          corrections   digits that were put right, kept to learn from
server         the process: address, workers    metrics       what it counts
application    what answers which address       page/         the page, as the browser gets it
gate           limits, tokens, headers, log     site, site/   the page with the model in it, for no server at all
protocol       the Open Inference Protocol
"""
