"""The service: a page to draw on and a REST interface, over the reader and its model file.

settings      what it is started with                     server    the process: address, workers, how it ends
application   the routes under /v1, the page, errors      protocol  the routes under /v2: Open Inference Protocol
schemas       what requests and answers hold              answers   answers in JSON, and errors as such
service       what the routes share: reader, counts       metrics   the counts, for Prometheus
pictures      the pictures in a request's body            gate      limits, tokens, headers, log
corrections   digits that were put right, kept to learn from
page/, site/  the page, as the browser gets it, and what runs in it without a server
site          the page with the model in it, for no server at all
"""
