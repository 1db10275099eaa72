"""What is remembered: media, what was shown to whom, and what was granted, used and revoked."""
