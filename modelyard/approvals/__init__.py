"""Reviewing versions and taking them back: what `modelyard approve`, `reject`, `rollback`, `hold`, `release`, `history`
and `status` do, as functions.

    connection = Connection(find_place("dev"))
    endpoint = ProjectEndpoint.find(connection, "abalone")
    asked = reviews.rollback(endpoint)
    for sighting in follow(endpoint, asked.goal):
        ...
"""
