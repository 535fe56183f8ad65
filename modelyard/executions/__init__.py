"""Running pipelines: what `modelyard run`, `executions` and `logs` do, as functions.

connection = Connection(find_place("dev"))
pipeline = ProjectPipeline.find(connection, "abalone")
arn = pipeline.start({"MaxDepth": "6"})
for sighting in follow(connection.client, arn):
    ...
"""
