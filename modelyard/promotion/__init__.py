"""What `modelyard promote` and `modelyard smoke-test` do, as functions: the delivery pipeline's own code, with the
credentials of whoever asks.

    route = find_route("abalone", to="staging")
    source, target = route.open()
    promoted = promote_version(source, target, route.project, "3")
"""
