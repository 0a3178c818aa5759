"""Model -> bytes: one module per format, one pure function per resource.

All formats carry the same facts and take the same arguments; the documents
that are no part of the model stand in ``documents``.
"""
