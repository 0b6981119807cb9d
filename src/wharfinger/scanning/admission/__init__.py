"""What may be pulled: rules over what is known of an image, and what they come to, from when on."""
