"""Bills of materials of our own making, one for each image and platform. Pure."""
