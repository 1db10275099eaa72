"""``secure-media``: the command and its families."""

from __future__ import annotations

import click

from secure_media.cli import attack, demo, doctor, explain, inspect, keygen, revoke, run, sign
from secure_media.cli.command import Family
from secure_media.version import __version__


@click.group(cls=Family, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="secure-media")
def main() -> None:
    """
    Serve Streamlit apps whose media only reach the browser they were shown to.

    \b
        secure-media demo
        secure-media run app.py
    """


main.add_command(run.run)
main.add_command(demo.demo)
main.add_command(keygen.keygen)
main.add_command(sign.sign)
main.add_command(inspect.inspect)
main.add_command(explain.explain)
main.add_command(revoke.revoke)
main.add_command(doctor.doctor)
main.add_command(attack.attack)
