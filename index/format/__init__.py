"""What lies on disk: the manifest, arrays in files, the output folder."""
