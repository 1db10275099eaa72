"""``python -m secure_media.cli``, for where the command is not on the path."""

from secure_media.cli.main import main

main(prog_name="secure-media")
