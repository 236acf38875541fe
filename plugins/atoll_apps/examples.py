"""How the commands about services of sessions are used."""

from atoll import Example

EXAMPLES = [
    Example("app work jupyter --open", "opens JupyterLab in the browser"),
    Example("app work ttyd -b 9900", "a web terminal at http://localhost:9900"),
    Example("app work http:8000 -b unix:/tmp/work.sock", "a port of the session, as a socket here"),
    Example("apps work", "what it offers"),
    Example("connect work ttyd", "copies bytes between a service and another program"),
    Example("proxy -p 8084", "other programs can then use the API without keys"),
    Example("speedtest work", "how fast bytes go there and back"),
    Example("ssh work"),
    Example("ssh work nvidia-smi", "one command there"),
    Example("scp work -r results :results"),
    Example("sftp work"),
    Example("ssh-config", "ssh, rsync and editors can then use NAME.atoll"),
    Example("ssh-proxy work.atoll", "for ProxyCommand of OpenSSH"),
]
