"""Examples of the commands `local …` and `host …`."""

from atoll import Example

EXAMPLES = [
    Example("local up", "it starts by itself, too, when it is needed"),
    Example("local up --slots cuda.shares=4,cpu=8", "simulates more than the machine has"),
    Example("local down", "and its sessions end"),
    Example("local status"),
    Example("local logs -n 50"),
    Example("local env", "variables by which other clients find it"),
    Example("local repair", "tries again what was put aside"),
    Example("local reset", "deletes its sessions, folders and users"),
    Example("host install me@box.example.com", "atoll on another machine"),
    Example("host install --apps me@box.example.com", "and JupyterLab for sessions"),
    Example("host status me@box.example.com"),
    Example("host upgrade me@box.example.com"),
    Example("host remove me@box.example.com"),
    Example("host disconnect me@box.example.com", "before ssh.persist does"),
]
