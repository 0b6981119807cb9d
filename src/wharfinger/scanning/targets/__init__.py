"""What is scanned: images in folders, in archives, and in registries, every byte seen to have its digest."""
