"""What every package may use: errors, documents, vocabulary, files, progress, the kernel decorator."""
