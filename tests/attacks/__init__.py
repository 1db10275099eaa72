"""The attacks of `secure_media.attack` on apps of our own, which know what no other app tells."""
