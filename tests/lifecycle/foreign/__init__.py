"""What other registries would do: their semantics, written from the reference and not from our translation.

The oracles of the importers' tests. Each takes the vendor's policy and images, and answers what goes of each image.
"""
