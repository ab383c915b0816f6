"""Windows onto the mesh, keys and looks. Textual lives here and only here."""
