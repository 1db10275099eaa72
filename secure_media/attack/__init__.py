"""
Attacks on a running app, over a raw socket: prove that nobody gets media that they were not shown.

They know HTTP, JSON Web Tokens and Streamlit's URLs, and nothing of the guard that they attack.
"""

from secure_media.attack.cases import all_attacks
from secure_media.attack.model import Attack
from secure_media.attack.target import Target
from secure_media.attack.trial import attempt

__all__ = ["Attack", "Target", "all_attacks", "attempt"]
