"""What happens to data, a module a step. In the order of the flow:

`parse` makes entries out of raw documents, `normalize` makes articles out of entries, `stage` puts articles into
blocks, `dedupe` decides which of them are new, `enrich` finds the entities in their texts.

`schemas` holds every record that crosses a step, `blocks` the columnar form of many, and `dead_letters` is the one way
out for bad records. The work itself is done by plain functions in `text`. Nothing here imports from `pipeline`.
"""
